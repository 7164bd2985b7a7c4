"""Loading rules: Sigma's header, and the `check` body that judges an inventory.

Every mistake of every file is collected and reported with its place; a rule that cannot be honoured is refused.
"""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
import yaml

from bartizan.model.asset import AssetKind, Confidence
from bartizan.model.errors import ContentError, Place
from bartizan.model.finding import Severity
from bartizan.model.origin import Origin
from bartizan.model.yaml_mistakes import NOT_YAML, yaml_mistake


class WeightedPattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expression (RE2) over folded text, and how much it tells by itself, from 0 to 1.

    With `where: parameter` it is read only in what a definition asks for (names and texts below its input schema).
    `unless` is an expression over the definition's name, title and description: what such a tool needs tells nothing.
    """

    text: str
    weight: float
    where: Literal["anywhere", "parameter"] = "anywhere"
    unless: str = ""


class CheckBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a check judges (a kind of asset; the whole inventory where none is named), how sure it is, and the mend.

    `patterns` and `layers` make it a rule of the lexicon: it judges texts, wherever they stand, and needs no function.
    `layers` weigh what hides in a text by its kind (`text/layers.py`), and `says` one whose text holds a sign itself.
    `copies` weighs a tool that looks like another server's (`assess/copies.py`).
    `origins`: how much the signs of this rule tell in a document of an agent, by its origin, where that is less than
    elsewhere: to say that something must come first is usual in instructions.
    """

    judges: AssetKind | None = None
    confidence: Confidence
    remedy: str
    patterns: tuple[WeightedPattern, ...] = ()
    layers: dict[str, float] = {}
    copies: float = 0.0
    origins: dict[Origin, float] = {}

    @property
    def by_lexicon(self) -> bool:
        """Whether this rule judges texts by patterns or layers, and so has no function of its own."""
        return bool(self.patterns or self.layers or self.copies)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule: the header is that of a Sigma rule (Sigma specification 2.1), the body here is `check`."""

    title: str
    id: str
    name: str
    status: Literal["stable", "test", "experimental", "deprecated"]
    description: str
    references: tuple[str, ...] = ()
    author: str
    date: str
    modified: str = ""
    tags: tuple[str, ...]
    level: Severity
    falsepositives: tuple[str, ...]
    check: CheckBody


class _Loader(yaml.SafeLoader):
    """YAML without its dates: a rule's `date` is text, quoted or not, as Sigma has it."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME = re.compile(r"[a-z][a-z0-9_]{2,60}")
_TAG = re.compile(
    r"(owasp-mcp\.mcp(0[1-9]|10)|safe-mcp\.t\d{4}(\.\d{3})?|atlas\.aml\.t\d{4}(\.\d{3})?|attack\.[a-z0-9.\-]+|cwe\.\d+)"
)


Words = Mapping[str, str]


def load(files: Mapping[str, str], words: Words | None = None) -> list[Rule]:
    """Rules from texts by file name, ordered by name. Raises ContentError with every mistake of every file.

    `words` are the named alternatives that patterns share: `{name}` in a pattern stands for them (`read_words`).
    """
    mistakes: list[tuple[Place, str]] = []
    rules: dict[str, Rule] = {}
    identities: dict[str, str] = {}
    for path, text in sorted(files.items()):
        try:
            rule = _convert(text)
        except msgspec.ValidationError as error:
            mistakes.append((Place(path=path), str(error)))
            continue
        except NOT_YAML as error:
            mistakes.append(yaml_mistake(path, error))
            continue
        rule, unknown = _expanded(rule, words or {})
        mistakes += [(Place(path=path), what) for what in (*_mistakes(rule), *unknown)]
        for unique in (rule.id, rule.name):
            if unique in identities:
                mistakes.append((Place(path=path), f"{unique} is already used by {identities[unique]}"))
            identities[unique] = path
        rules[rule.name] = rule
    if mistakes:
        raise ContentError(mistakes)
    return [rules[name] for name in sorted(rules)]


def _convert(text: str) -> Rule:
    return msgspec.convert(yaml.load(text, Loader=_Loader), Rule)  # noqa: S506 - a SafeLoader


_WORD = re.compile(r"\{([a-z_]+)\}")  # a repetition such as {0,40} holds no letter
_DEPTH_MAX = 4


def read_words(files: Mapping[str, str]) -> dict[str, str]:
    """The named alternatives of files such as `checks/words.yml`: a map from a name to a list of RE2 alternatives.

    A word may use others. Raises ContentError with every mistake of every file.
    """
    mistakes: list[tuple[Place, str]] = []
    words: dict[str, str] = {}
    for path, text in sorted(files.items()):
        try:
            lists = msgspec.convert(yaml.load(text, Loader=_Loader), dict[str, list[str]])  # noqa: S506
        except msgspec.ValidationError as error:
            mistakes.append((Place(path=path), str(error)))
        except NOT_YAML as error:
            mistakes.append(yaml_mistake(path, error))
        else:
            words |= {name: "(?:" + "|".join(alternatives) + ")" for name, alternatives in lists.items()}
    if mistakes:
        raise ContentError(mistakes)
    return words


def _expanded(rule: Rule, words: Words) -> tuple[Rule, list[str]]:
    if not any("{" in pattern.text for pattern in rule.check.patterns):
        return rule, []
    unknown: set[str] = set()

    def word(match: re.Match[str]) -> str:
        if match[1] not in words:
            unknown.add(match[1])
        return words.get(match[1], "")

    def expand(text: str) -> str:
        for _ in range(_DEPTH_MAX):
            text = _WORD.sub(word, text)
        return text

    patterns = tuple(
        msgspec.structs.replace(one, text=expand(one.text), unless=expand(one.unless)) for one in rule.check.patterns
    )
    check = msgspec.structs.replace(rule.check, patterns=patterns)
    return msgspec.structs.replace(rule, check=check), [f"no word {{{name}}} is known" for name in sorted(unknown)]


def _mistakes(rule: Rule) -> list[str]:
    found: list[str] = []
    if not _UUID.fullmatch(rule.id):
        found.append(f"id {rule.id!r} is not a UUID")
    if not _NAME.fullmatch(rule.name):
        found.append(f"name {rule.name!r} is not lower case with underscores")
    found += [f"tag {tag!r} is of no known family" for tag in rule.tags if not _TAG.fullmatch(tag)]
    if not rule.tags:
        found.append("no tag")
    if not rule.falsepositives:
        found.append("no known false positives written down (say `none known` where that is so)")
    return found
