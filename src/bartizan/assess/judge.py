"""Judging a definition or a text: signs are weighed, independent ones add up, one weak sign is never `malicious`."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from bartizan.assess.leaves import Leaf, leaves
from bartizan.assess.lexicon import Hit, Lexicon
from bartizan.model.json import JsonObject
from bartizan.rules.load import Rule
from bartizan.text import regex
from bartizan.text.fold import fold, locate
from bartizan.text.layers import RESPELLED, Layer, layers
from bartizan.text.normalise import show

# The score from which a person should look, and from which a gateway may refuse, given that many signs. Both were set
# on the development corpora; docs/reference/figures.md has what they give.
SUSPICIOUS_FROM = 0.5
MALICIOUS_FROM = 0.7
SIGNS_MIN = 2
SIGN_FROM = 0.25  # a weaker sign counts for the score, not as one of the two
STRONG_FROM = 0.5
REPEATED_SHARE = 0.5  # a second sign of one rule tells half of what one of another rule tells
_QUOTED_MAX = 120
# Names and descriptions repeat from tool to tool: those found clean are not searched again, up to so many characters.
_REMEMBERED_CHARACTERS_MAX = 2_000_000
_REMEMBERED_EACH_MAX = 4_000


class Verdict(StrEnum):
    """`malicious` may be refused without asking, `suspicious` is for a person to look at."""

    CLEAN = "clean"
    SUSPICIOUS = "suspicious"
    MALICIOUS = "malicious"


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that tells. `start` and `end` count code points of the text at `pointer`; `number` is its pattern."""

    rule: Rule
    number: int
    weight: float
    pointer: str
    start: int
    end: int
    evidence: str


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict, its score from 0 to 1, and the signs that it rests on: the weightiest of each rule and pattern.

    `pointers` are all places in which a rule, by its name, saw a sign: those of lesser signs too.
    """

    verdict: Verdict
    score: float
    signs: tuple[Sign, ...] = ()
    pointers: frozenset[tuple[str, str]] = frozenset()


class Judge:
    """Judges by the rules that hold patterns or layers. Compiled once; equal input, equal judgement."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._lexicon = Lexicon(rules)
        self._layers = [rule for rule in rules if rule.check.layers]
        self._copies = [rule for rule in rules if rule.check.copies]
        self._clean: set[str] = set()
        self._room = _REMEMBERED_CHARACTERS_MAX

    def definition(self, definition: JsonObject) -> Judgement:
        """Judge everything of a definition that is read."""
        return self._judge(leaves(definition))

    def with_copies(self, judgement: Judgement, told: Iterable[str]) -> Judgement:
        """The judgement of a tool that looks like others: `told` says of each what it is like, and in what."""
        more = [
            Sign(rule=rule, number=-1, weight=rule.check.copies, pointer="/name", start=0, end=0, evidence=show(text))
            for rule in self._copies
            for text in told
        ]
        return judged([*judgement.signs, *more], judgement.pointers) if more else judgement

    def text(self, text: str) -> Judgement:
        """Judge one text. One that speaks about attacks, as a review or a rule does, is `suspicious` at most.

        An attacker can write so too, and then a person looks; nobody's security review is refused without asking.
        """
        judgement = self._judge([Leaf("", text)])
        if judgement.verdict is Verdict.MALICIOUS and speaks_of_attacks(text):
            return msgspec.structs.replace(judgement, verdict=Verdict.SUSPICIOUS)
        return judgement

    def _judge(self, told: Sequence[Leaf]) -> Judgement:
        new = [leaf for leaf in told if leaf.text not in self._clean]
        hidden = [(leaf, layer) for leaf in new for layer in layers(leaf.text)]
        joined = fold("\n.\n".join(leaf.text for leaf in new))  # a sentence ends where a text ends
        signs: list[Sign] = []
        if self._lexicon.any_in(joined):
            signs += [sign for leaf in new for sign in self._signs(leaf)]
        signs += [sign for leaf, layer in hidden for sign in self._hidden(leaf, layer)]
        if not signs and not hidden:
            self._remember(new)
        return judged(signs)

    def _remember(self, clean: Iterable[Leaf]) -> None:
        for leaf in clean:
            if len(leaf.text) <= min(_REMEMBERED_EACH_MAX, self._room) and leaf.text not in self._clean:
                self._clean.add(leaf.text)
                self._room -= len(leaf.text) + 1

    def _signs(self, leaf: Leaf) -> Iterable[Sign]:
        hits = self._lexicon.hits(fold(leaf.text))
        if not hits:
            return
        for hit, (start, end) in zip(hits, locate(leaf.text, [(hit.start, hit.end) for hit in hits]), strict=True):
            yield _sign(hit, leaf, start, max(start, end))

    def _hidden(self, leaf: Leaf, layer: Layer) -> Iterable[Sign]:
        """What hides, by being hidden; and what a hidden text says, which counts as much as if it stood in the open."""
        inner = self._lexicon.hits(fold(layer.text)) if layer.text else []
        if inner and layer.kind in RESPELLED:
            open_ones = {hit.number for hit in self._lexicon.hits(fold(leaf.text))}
            inner = [hit for hit in inner if hit.number not in open_ones]
        for rule in self._layers:
            weight = rule.check.layers.get(layer.kind, 0.0)
            weight = max(weight, rule.check.layers.get("says", 0.0)) if inner else weight
            if weight:
                hit = Hit(rule=rule, number=-1, weight=weight, start=0, end=0)
                told = f"{layer.kind}: {layer.text}" if layer.text else layer.kind
                yield _sign(hit, leaf, layer.start, layer.end, told)
        for hit in inner:
            yield _sign(hit, leaf, layer.start, layer.end, layer.text[:_QUOTED_MAX])


def _sign(hit: Hit, leaf: Leaf, start: int, end: int, told: str = "") -> Sign:
    quoted = show(told or leaf.text[start:end], most=_QUOTED_MAX)
    return Sign(
        rule=hit.rule,
        number=hit.number,
        weight=hit.weight,
        pointer=leaf.pointer,
        start=start,
        end=end,
        evidence=quoted,
    )


_ABOUT_ATTACKS = regex.PatternSet(
    rf"\b{word}"
    for word in (
        r"attack(er|s)?\b",
        r"adversar(y|ies|ial)\b",
        r"malicious",
        r"(prompt |code |sql )?injections?\b",
        r"exploit(s|ation|ed)?\b",
        r"payloads?\b",
        r"vulnerabilit(y|ies)\b",
        r"mitigations?\b",
        r"detect(s|ed|ion|ions)?\b",
        r"threats?\b",
        r"jailbreaks?\b",
        r"red[- ]team",
        r"security (review|audit|advisory|team|researcher)",
        r"(owasp|mitre|cwe|cve|sigma|atlas)\b",
        r"techniques?\b",
        r"exfiltrat(e|ion|ing)\b",
    )
)
_WORDS_OF_A_REVIEW_MIN = 4


def speaks_of_attacks(text: str) -> bool:
    """Whether a text uses so many different words of the trade that it is probably about attacks."""
    return len(_ABOUT_ATTACKS.matching(fold(text))) >= _WORDS_OF_A_REVIEW_MIN


def judged(signs: Sequence[Sign], pointers: frozenset[tuple[str, str]] = frozenset()) -> Judgement:
    """Weigh signs: rules are independent of each other, patterns of one rule only in part (noisy or)."""
    best: dict[tuple[str, int], Sign] = {}
    for sign in signs:
        key = (sign.rule.name, sign.number)
        if key not in best or sign.weight > best[key].weight:
            best[key] = sign
    by_rule: dict[str, list[float]] = {}
    for sign in _apart(best.values()):
        by_rule.setdefault(sign.rule.name, []).append(sign.weight)
    clear = 1.0
    for weights in by_rule.values():
        first, *more = sorted(weights, reverse=True)
        clear *= 1 - first
        for weight in more:
            clear *= 1 - REPEATED_SHARE * weight
    score = 1 - clear
    kept = sorted(best.values(), key=lambda sign: (-sign.weight, sign.rule.name, sign.pointer, sign.start, sign.number))
    seen = pointers.union((sign.rule.name, sign.pointer) for sign in signs)
    return Judgement(verdict=_verdict(score, by_rule), score=round(score, 3), signs=tuple(kept), pointers=seen)


def _apart(signs: Iterable[Sign]) -> Iterable[Sign]:
    """Signs without those that stand where a weightier one of the same rule does: the same words tell once."""
    taken: list[Sign] = []
    for sign in sorted(signs, key=lambda sign: (-sign.weight, sign.number)):
        here = (one for one in taken if one.rule is sign.rule and one.pointer == sign.pointer)
        if not any(sign.start < one.end and one.start < sign.end for one in here):
            taken.append(sign)
    return taken


def _verdict(score: float, by_rule: dict[str, list[float]]) -> Verdict:
    rules = sum(max(weights) >= SIGN_FROM for weights in by_rule.values())
    strong = max((sum(weight >= STRONG_FROM for weight in weights) for weights in by_rule.values()), default=0)
    if score >= MALICIOUS_FROM and rules + max(0, strong - 1) >= SIGNS_MIN:
        return Verdict.MALICIOUS
    return Verdict.SUSPICIOUS if score >= SUSPICIOUS_FROM else Verdict.CLEAN
