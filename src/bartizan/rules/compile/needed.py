"""The text that whatever an expression matches must hold: where it is not, the expression need not be searched."""

import re

_ITEM = re.compile(
    r"""(?P<flags>\(\?[a-zA-Z-]+\))
      | (?P<escape>\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|[0-9a-fA-F]{2})|[0-7]{1,3}|.))
      | (?P<class>\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\])
      | (?P<open>\() | (?P<close>\)) | (?P<or>\|) | (?P<any>[.^$])
      | (?P<char>[^*+?{\\\[()|.^$])""",
    re.VERBOSE | re.DOTALL,
)
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d*)(,?)(\d*)\})[?+]?")
_KNOWN_FLAGS = frozenset("ims")


def needed(expression: str) -> tuple[str, bool]:
    """The longest such text that is plain to see, and whether its case counts; "" where there is none.

    In what is read without regard to case, "s" ends a text: a long s is equal to it, and has no other lower case.
    """
    runs, folded = _runs(expression)
    if folded:
        runs = [part for run in runs for part in re.split(r"[sS]|[^\x00-\x7f]", run)]
    longest = max(runs, key=len, default="")
    return (longest.lower() if folded else longest), not folded


def _runs(expression: str) -> tuple[list[str], bool]:
    """Texts outside of groups and classes; none where there are alternatives, or something that is not known."""
    runs, folded, depth, at = [""], False, 0, 0
    while at < len(expression):
        item = _ITEM.match(expression, at)
        if item is None or (item["flags"] and (at or not _KNOWN_FLAGS.issuperset(item[0][2:-1]))):
            return [], False
        at = item.end()
        folded = folded or (item["flags"] is not None and "i" in item[0])
        depth += (item["open"] is not None) - (item["close"] is not None)
        quantifier = _QUANTIFIER.match(expression, at)
        at = quantifier.end() if quantifier else at
        if depth == 0 and item["or"]:
            return [], False
        literal = _literal(item) if depth == 0 else ""
        if literal and not quantifier:
            runs[-1] += literal
        elif literal and quantifier and _once(quantifier):
            runs += [runs.pop() + literal, ""]
        else:
            runs.append("")
    return runs, folded


def _literal(item: re.Match[str]) -> str:
    if item["char"]:
        return item["char"]
    escape = item["escape"]
    return escape[1] if escape and len(escape) == 2 and not escape[1].isalnum() else ""


def _once(quantifier: re.Match[str]) -> bool:
    """Whether what it stands behind is there at least once."""
    return quantifier[0][0] == "+" or (quantifier[0][0] == "{" and (quantifier[1] or "0").strip("0") != "")
