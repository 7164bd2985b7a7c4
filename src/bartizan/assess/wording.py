"""What a changed text can do: judged by what it says now that it did not say before."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from bartizan.assess.judge import Judge
from bartizan.model.finding import Severity
from bartizan.model.pin import DriftClass
from bartizan.text import regex
from bartizan.text.fold import fold
from bartizan.text.layers import layers
from bartizan.text.normalise import is_invisible, show

Effect = tuple[DriftClass, Severity, str]

_SIGN_FROM = 0.25  # a weaker sign stands in too many plain texts
_HIGH_FROM = 0.4  # less than for an unread text: this one was read, and had no such sign
_SENTENCES_MAX = 400  # of a text with more, the whole is judged in one piece
_REWRITTEN_WORDS_MIN = 20
_REWRITTEN_SHARE_MIN = 0.5
_SENTENCE = re.compile("[.!?\n\u3002\uff01\uff1f]+")
_QUOTED_MAX = 120
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCE_WORDS_MIN = 6
# Words to a model about what it is to do: not yet an attack, but more than a rewording.
_DIRECTIVE = regex.Finder(
    r"\b((?:always|never|must|do not|don't|should|shall|before|after|first|instead|every time|whenever|make sure)\b"
    r"[^.]{0,60}\b(?:call|use|invoke|send|include|pass|read|run|execute|tell|mention|ask|provide|fetch|open|add|copy|"
    r"forward|ignore|skip|prefer|obtain|attach|submit|follow)\b)"
)
_IDENTIFIER = re.compile(r"`[^`]{1,64}`|\b[A-Za-z]{1,40}_\w{1,60}|\b[a-z]{1,40}[A-Z]\w{1,60}")
_REFERENCE = regex.Pattern(
    r"([a-z][a-z0-9+.-]{1,20}://[^\s/\"'<>()\[\]{}]{1,200}|[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+|"
    r"\bwww\.[a-z0-9.-]{3,100}|\b\d{1,3}(?:\.\d{1,3}){3}\b|~/[\w./-]{1,200}|"
    r"(?:/etc|/home|/root|/var|/proc|/tmp)/[\w./-]{1,200}|\.(?:ssh|aws|env|kube|netrc|npmrc|git-credentials)\b)"
)
_RESERVED = regex.Pattern(
    r"((?:^|[@./])json-schema\.org\b|(?:^|[@./])example\.(?:com|org|net|edu)\b|\.(?:example|invalid|test)(?:\b|$))"
)


def effects(old: str, new: str, judge: Judge) -> list[Effect]:
    """What the change from `old` to `new` can do; nothing where they are equal."""
    if old == new:
        return []
    found = [*_hidden(old, new), *(_instructions(old, new, judge) or _sentence(old, new)), *_references(old, new)]
    if {DriftClass.NEW_INSTRUCTION, DriftClass.NEW_REFERENCE} <= {effect for effect, _, _ in found}:
        return [(effect, Severity.HIGH, why) for effect, _, why in found]  # what to do, and where
    return found or [_harmless(old, new)]


def hidden(text: str) -> Counter[str]:
    """What of a text nobody sees, by kind: smuggled and encoded texts, and single characters that are not drawn."""
    found = Counter(layer.kind for layer in layers(text))
    if not text.isascii():
        before = ""
        for character in text:
            if is_invisible(character) and character not in "\n\t\r" and not _belongs(character, before):
                found[f"U+{ord(character):04X}"] += 1
            before = character
    else:
        found.update(f"U+{ord(one):04X}" for one in text if (one < " " and one not in "\n\t\r") or one == "\x7f")
    return found


def _belongs(character: str, before: str) -> bool:
    """Selectors and joiners that a picture or a script needs."""
    if character in "\ufe0e\ufe0f\u200d":
        return unicodedata.category(before or " ") in {"So", "Sk", "Mn", "Sm"} or before in "0123456789#*\ufe0f\u200d‼⁉"
    if character == "\u200c":
        return not before.isascii() and before.isalpha()
    return False


def _hidden(old: str, new: str) -> Iterator[Effect]:
    if more := hidden(new) - hidden(old):
        told = ", ".join(f"{count} x {kind.replace('_', ' ')}" for kind, count in sorted(more.items())[:5])
        yield DriftClass.HIDDEN_TEXT, Severity.HIGH, f"the text now hides something: {told}"


def _instructions(old: str, new: str, judge: Judge) -> list[Effect]:
    """Signs of the judge in what is new; then words that direct a model."""
    before, after = _apart(old, new)
    was, now = _signs([*before, old], judge), _signs([*after, new], judge)
    fresh = [(weight, rule) for rule, weights in now.items() for weight in _beyond(weights, was.get(rule, []))]
    if fresh:
        weight, rule = max(fresh)
        severity = Severity.HIGH if weight >= _HIGH_FROM else Severity.MEDIUM
        return [(DriftClass.NEW_INSTRUCTION, severity, f"a new sign of {rule.replace('_', ' ')}")]
    directed = [sentence for sentence in after if _DIRECTIVE.first(fold(sentence))]
    if len(directed) > sum(_DIRECTIVE.first(fold(sentence)) is not None for sentence in before):
        told = show(directed[0].strip(), most=_QUOTED_MAX)
        names = any(_IDENTIFIER.search(sentence) for sentence in directed)  # as other tools and parameters are called
        severity = Severity.HIGH if names else Severity.MEDIUM
        return [(DriftClass.NEW_INSTRUCTION, severity, f"it now tells the model what to do: {told}")]
    return []


def _signs(texts: Iterable[str], judge: Judge) -> dict[str, list[float]]:
    """By rule, the weights of its signs in every one of these texts, the weightiest first."""
    found: dict[str, list[float]] = {}
    for text in texts:
        for sign in judge.text(text).signs:
            if sign.weight >= _SIGN_FROM:
                found.setdefault(sign.rule.name, []).append(sign.weight)
    return {rule: sorted(weights, reverse=True) for rule, weights in found.items()}


def _beyond(now: list[float], was: list[float]) -> list[float]:
    """What the new signs of one rule weigh beyond the old ones: more of them, or weightier ones."""
    more = now[: len(now) - len(was)] if len(now) > len(was) else []
    return more + [one for one, other in zip(now, was, strict=False) if one > other]


def _apart(old: str, new: str) -> tuple[list[str], list[str]]:
    """The sentences that only one side has."""
    before, after = _sentences(old), _sentences(new)
    known, kept = {fold(one).strip() for one in before}, {fold(one).strip() for one in after}
    return (
        [one for one in before if fold(one).strip() not in kept],
        [one for one in after if fold(one).strip() not in known],
    )


def _sentences(text: str) -> list[str]:
    found = [one for one in _SENTENCE.split(text) if one.strip()]
    return found if len(found) <= _SENTENCES_MAX else [text]


def references(text: str) -> set[str]:
    """Addresses, mailboxes and places of secrets that a text names; those of examples and of JSON Schema are none."""
    folded = fold(text)
    found = {folded[start:end].rstrip(".,:;") for start, end in _REFERENCE.groups(folded)}
    return {one for one in found if _RESERVED.first(one) is None}


def _references(old: str, new: str) -> Iterator[Effect]:
    if more := references(new) - references(old):
        told = show(", ".join(sorted(more)[:3]), most=_QUOTED_MAX)
        yield DriftClass.NEW_REFERENCE, Severity.MEDIUM, f"it now names {told}"


def _sentence(old: str, new: str) -> list[Effect]:
    """A sentence whose words did not stand in what it took the place of: what it does, only its reader can tell."""
    before, after = _apart(old, new)
    known = {word for sentence in before for word in _words(sentence)}
    for sentence in after:
        words = _words(sentence)
        fresh = sum(word not in known for word in words)
        if len(words) >= _SENTENCE_WORDS_MIN and fresh >= _REWRITTEN_SHARE_MIN * len(words):
            told = show(sentence.strip(), most=_QUOTED_MAX)
            return [(DriftClass.NEW_SENTENCE, Severity.MEDIUM, f"a sentence that nobody approved: {told}")]
    return []


def _words(sentence: str) -> list[str]:
    folded = fold(sentence)
    return _WORD.findall(folded) if _WORD.search(folded) else list(folded)  # scripts without blanks


def _harmless(old: str, new: str) -> Effect:
    if _level(old) == _level(new):
        return DriftClass.COSMETIC, Severity.INFORMATIONAL, "white space or Unicode form only"
    if fold(old).strip() == fold(new).strip():
        if _foreign(new) > _foreign(old):
            return DriftClass.LOOKALIKE_LETTERS, Severity.MEDIUM, "letters were replaced by others that look alike"
        return DriftClass.COSMETIC, Severity.INFORMATIONAL, "case or marks only"
    words = Counter(fold(new).split()) - Counter(fold(old).split())
    if words.total() >= max(_REWRITTEN_WORDS_MIN, _REWRITTEN_SHARE_MIN * len(old.split())):
        return DriftClass.REWRITTEN, Severity.LOW, f"rewritten, with {words.total()} other words"
    return DriftClass.WORDING, Severity.INFORMATIONAL, "reworded"


def _level(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", "".join(one for one in text if not _unseen(one))).split())


def _unseen(character: str) -> bool:
    return character not in "\n\t\r" and not character.isspace() and is_invisible(character)


def _foreign(text: str) -> int:
    return sum(one.isalpha() and not one.isascii() for one in text)
