"""Judging a definition or a text: signs are weighed, independent ones add up, one weak sign is never `malicious`."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from bartizan.assess.leaves import Leaf, leaves
from bartizan.assess.lexicon import Hit, Lexicon
from bartizan.model.json import JsonObject
from bartizan.model.origin import Origin
from bartizan.rules.load import Rule
from bartizan.text import regex
from bartizan.text.fold import Span, fold, locate
from bartizan.text.layers import ENCODED, RESPELLED, Layer, layers, may_hide
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
_PART_CHARACTERS = 700
_PURPOSE = frozenset({"/name", "/title", "/description"})
_USUAL_IN_TEXTS = frozenset({"colour"})  # what programs print is coloured; a definition has no reason to be
_PARAMETERS = "/inputSchema/properties/"
_NAME_OF_WORDS_FROM = 3
_ACROSS_FROM = 0.3
# Names and descriptions repeat from tool to tool: those found clean are not searched again, up to so many characters.
_REMEMBERED_CHARACTERS_MAX = 2_000_000
_REMEMBERED_EACH_MAX = 4_000
_REMEMBERED_COST = 60  # of a short string, so that a million of them are not kept
_UNREAD = "unread"
_WHY = {_UNREAD: "more hidden layers, or deeper ones, than are read"}


class Verdict(StrEnum):
    """`malicious` may be refused without asking, `suspicious` is for a person to look at."""

    CLEAN = "clean"
    SUSPICIOUS = "suspicious"
    MALICIOUS = "malicious"


_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that tells. `start` and `end` count code points of the text at `pointer`; `hit` is its pattern.

    While `folded`, they count those of the folded text: nobody is told where the signs of a clean text stand.
    """

    hit: Hit
    weight: float
    folded: bool = False
    pointer: str
    start: int
    end: int
    evidence: str

    @property
    def rule(self) -> Rule:
        """The rule whose sign it is."""
        return self.hit.rule

    @property
    def number(self) -> int:
        """Of its pattern; -1 for what is no pattern."""
        return self.hit.number


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
        self._clean: set[tuple[str, bool]] = set()  # texts, and whether in what a tool asks for
        self._room = _REMEMBERED_CHARACTERS_MAX

    def definition(self, definition: JsonObject) -> Judgement:
        """Judge everything of a definition that is read."""
        told, cut = leaves(definition)
        purpose = " ".join(leaf.text for leaf in told if leaf.pointer in _PURPOSE)
        signs = _told_anyway(self._judge(told), purpose)
        judgement = _placed(judged([*signs, *self._unread(cut)]))
        bad = judgement.verdict is Verdict.MALICIOUS
        detects = bad and speaks_of_attacks(purpose, _WORDS_OF_A_DETECTOR_MIN)
        if detects and _only_mentions(judgement, told):
            return msgspec.structs.replace(judgement, verdict=Verdict.SUSPICIOUS)
        return judgement

    def with_copies(self, judgement: Judgement, told: Iterable[str]) -> Judgement:
        """The judgement of a tool that looks like others: `told` says of each what it is like, and in what."""
        more = [
            _sign(Hit(rule=rule, number=-1, weight=rule.check.copies, start=0, end=0), Leaf("/name", text), 0, 0, text)
            for rule in self._copies
            for text in told
        ]
        return _placed(judged([*judgement.signs, *more])) if more else judgement

    def text(self, text: str, origin: Origin = Origin.UNKNOWN) -> Judgement:
        """Judge one text by what is usual where it comes from.

        One that speaks about attacks, as a review or a rule does, is `suspicious` at most: an attacker can write so
        too, and then a person looks; nobody's security review is refused without asking.
        """
        leaf = Leaf("", text)
        signs = (_at(origin, sign) for sign in self._judge([leaf], ignored=_USUAL_IN_TEXTS))
        judgement = _placed(_judged_by_parts(list(signs)))
        if judgement.verdict is Verdict.MALICIOUS and _only_mentions(judgement, [leaf]):
            return msgspec.structs.replace(judgement, verdict=Verdict.SUSPICIOUS)
        if judgement.verdict is Verdict.MALICIOUS and speaks_of_attacks(text):
            return msgspec.structs.replace(judgement, verdict=Verdict.SUSPICIOUS)
        return judgement

    def signs(self, text: str) -> tuple[Sign, ...]:
        """Everything that tells in a text, with its place, for who weighs it himself."""
        return _placed_signs(judged(self._judge([Leaf("", text)], ignored=_USUAL_IN_TEXTS)).signs)

    def _judge(self, told: Sequence[Leaf], ignored: frozenset[str] = frozenset()) -> list[Sign]:
        new = [leaf for leaf in told if (leaf.text, _asked(leaf)) not in self._clean]
        hides = len(new) == 1 or may_hide("\n".join(leaf.text for leaf in new))
        some = new if hides else []
        hidden = [(leaf, layer) for leaf in some for layer in layers(leaf.text) if layer.kind not in ignored]
        signs: list[Sign] = []
        # A sentence ends where a text ends.
        if len(new) == 1 or self._lexicon.any_in(fold("\n.\n".join(_spaced(leaf.text) for leaf in new))):
            signs += [sign for leaf in new for sign in self._signs(leaf)]
        said: dict[str, set[int]] = {}
        signs += [sign for leaf, layer in hidden for sign in self._hidden(leaf, layer, said)]
        signs += self._across(told, signs)
        if not signs and not hidden:
            self._remember(new)
        return signs

    def _unread(self, cut: str | None) -> Iterable[Sign]:
        """That a definition holds more than is read, at the pointer where reading ended."""
        for rule in self._layers if cut is not None else ():
            hit = Hit(rule=rule, number=-1, weight=rule.check.layers.get(_UNREAD, 0.0), start=0, end=0)
            yield _sign(hit, Leaf(cut or "", ""), 0, 0, "unread: more or deeper texts than are read")

    def _remember(self, clean: Iterable[Leaf]) -> None:
        for leaf in clean:
            known = (leaf.text, _asked(leaf))
            if len(leaf.text) <= min(_REMEMBERED_EACH_MAX, self._room) and known not in self._clean:
                self._clean.add(known)
                self._room -= len(leaf.text) + _REMEMBERED_COST

    def _signs(self, leaf: Leaf) -> Iterable[Sign]:
        hits = self._lexicon.hits(fold(_spaced(leaf.text)))
        hits = [hit for hit in hits if not hit.only_in_parameters or _asked(leaf)]
        for hit in hits:
            yield Sign(
                hit=hit,
                weight=hit.weight,
                folded=True,
                pointer=leaf.pointer,
                start=hit.start,
                end=hit.end,
                evidence=leaf.text,
            )

    def _across(self, told: Sequence[Leaf], found: Sequence[Sign]) -> Iterable[Sign]:
        """Signs of sentences that begin in one text and end in the next: split over fields, so that none tells."""
        parts = [leaf for leaf in told if " " in leaf.text]
        if len(parts) < 2:
            return
        folded = [fold(leaf.text) for leaf in parts]
        known = {sign.hit.number for sign in found}
        at, starts = 0, [0]
        for one in folded[:-1]:
            at += len(one) + 1
            starts.append(at)
        shown = " | ".join(folded)
        for hit in self._lexicon.hits(" ".join(folded)):
            number = bisect_right(starts, hit.start) - 1
            crosses = hit.end > starts[number] + len(folded[number])
            if crosses and hit.number not in known and hit.weight >= _ACROSS_FROM and not hit.only_in_parameters:
                leaf = parts[number]
                at = hit.start + 2 * number
                yield _sign(hit, leaf, 0, len(leaf.text), shown[at : at + _QUOTED_MAX][: hit.end - hit.start + 4])

    def _hidden(self, leaf: Leaf, layer: Layer, said: dict[str, set[int]]) -> Iterable[Sign]:
        """What hides, by being hidden; and what a hidden text says, which counts as much as if it stood in the open.

        `said` keeps, by text, the numbers of what is said in the open.
        """
        inner = self._lexicon.hits(fold(layer.text)) if layer.text else []
        inner = [hit for hit in inner if not hit.only_in_parameters]
        if inner and layer.kind in RESPELLED:
            if leaf.text not in said:
                said[leaf.text] = {hit.number for hit in self._lexicon.hits(fold(leaf.text))}
            inner = [hit for hit in inner if hit.number not in said[leaf.text]]
        for rule in self._layers:
            weight = rule.check.layers.get(layer.kind, 0.0)
            if layer.kind in ENCODED and says_a_sentence(layer):
                weight = max(weight, rule.check.layers.get("sentence", 0.0))
            weight = max(weight, rule.check.layers.get("says", 0.0)) if inner else weight
            if weight:
                hit = Hit(rule=rule, number=-1, weight=weight, start=0, end=0)
                told = f"{layer.kind}: {layer.text or _WHY.get(layer.kind, '')}".rstrip(": ")
                yield _sign(hit, leaf, layer.start, layer.end, told)
        for hit in inner:
            yield _sign(hit, leaf, layer.start, layer.end, layer.text[:_QUOTED_MAX])


def _asked(leaf: Leaf) -> bool:
    """Whether it stands in what a tool asks for."""
    return leaf.pointer.startswith(_PARAMETERS)


def _placed(judgement: Judgement) -> Judgement:
    """Where the signs stand in the texts as they were, and their words; until then the evidence is the whole text."""
    if judgement.verdict is Verdict.CLEAN:
        return judgement
    return msgspec.structs.replace(judgement, signs=_placed_signs(judgement.signs))


def _placed_signs(told: Sequence[Sign]) -> tuple[Sign, ...]:
    spans: dict[str, list[Span]] = {}
    for sign in told:
        if sign.folded:
            spans.setdefault(sign.evidence, []).append((sign.start, sign.end))
    places = {text: dict(zip(some, locate(_spaced(text), some), strict=True)) for text, some in spans.items()}
    signs: list[Sign] = []
    for sign in told:
        start, end = places[sign.evidence][sign.start, sign.end] if sign.folded else (sign.start, sign.end)
        quoted = show(sign.evidence[start:end], most=_QUOTED_MAX) if sign.folded else sign.evidence
        signs.append(msgspec.structs.replace(sign, folded=False, start=start, end=max(start, end), evidence=quoted))
    return tuple(signs)


def _told_anyway(signs: Iterable[Sign], purpose: str) -> list[Sign]:
    """The signs that tell in a tool of this purpose too."""
    folded: str | None = None
    usual: dict[int, bool] = {}
    kept: list[Sign] = []
    for sign in signs:
        if sign.hit.unless and sign.hit.number not in usual:
            folded = fold(purpose) if folded is None else folded
            usual[sign.hit.number] = sign.hit.unless.first(folded) is not None
        if not usual.get(sign.hit.number, False):
            kept.append(sign)
    return kept


def _spaced(text: str) -> str:
    """A name of many words as the sentence that it is; places stay the same."""
    if " " in text or text.count("_") + text.count("-") < _NAME_OF_WORDS_FROM:
        return text
    return text.replace("_", " ").replace("-", " ")


def _at(origin: Origin, sign: Sign) -> Sign:
    factor = sign.rule.check.origins.get(origin, 1.0)
    return sign if factor == 1 else msgspec.structs.replace(sign, weight=min(sign.weight * factor, 0.95))


def _sign(hit: Hit, leaf: Leaf, start: int, end: int, told: str = "") -> Sign:
    quoted = show(told or leaf.text[start:end], most=_QUOTED_MAX)
    return Sign(
        hit=hit,
        weight=hit.weight,
        pointer=leaf.pointer,
        start=start,
        end=end,
        evidence=quoted,
    )


_OPENED = re.compile(r"(?:^|[\s(=])([\"'`“„\u2018«‹])(?=\S)")
_CLOSES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "\u2018": "\u2019", "«": "»", "‹": "›"}
_CLOSED = re.compile(r"([\"'`”“\u2019»›])(?=$|[\s).,;:!?\]\"'])")
_MENTIONED_BEFORE = 160
_INTRODUCED = re.compile(
    r"(?i)\b(?:such as|e\.g\.?|for example|for instance|like|requests? to|attempts? to|detect\w*|looks? for"
    r"|scan\w* (?:\w+ ){0,3}for|check\w* (?:\w+ ){0,6}for|including|blocks?|flags?|finds?|tests?|prevents?|examples?:?"
    r"|refus\w+|instructions? to|tr(?:y|ies) to)\b[^.]*\Z"
)
_WORDS_OF_A_DETECTOR_MIN = 2


def _only_mentions(judgement: Judgement, told: Sequence[Leaf]) -> bool:
    """Whether everything that tells stands in quotes or is introduced as an example: spoken of, not said."""
    texts = {leaf.pointer: leaf.text for leaf in told}
    return all(_mentioned(texts.get(sign.pointer, ""), sign) for sign in judgement.signs if sign.weight >= SIGN_FROM)


def _mentioned(text: str, sign: Sign) -> bool:
    before = text[max(0, sign.start - _MENTIONED_BEFORE) : sign.start + 1]
    shown = text.count("```", 0, sign.start) % 2 == 1  # in a block of a page that shows something
    return shown or _INTRODUCED.search(before) is not None or _in_quotes(text, before, sign)


def _in_quotes(text: str, before: str, sign: Sign) -> bool:
    """Within marks that open and close as people set them; in JSON every text stands in marks."""
    if text.lstrip()[:1] in ("{", "["):
        return False
    after = text[max(sign.start + 1, sign.end - 1) : sign.end + _MENTIONED_BEFORE]
    open_ones = {match[1]: match.start(1) for match in _OPENED.finditer(before)}
    for closed in _CLOSED.finditer(before):
        for opening in [one for one, at in open_ones.items() if _CLOSES[one] == closed[1] and at < closed.start(1)]:
            del open_ones[opening]
    closing = {match[1] for match in _CLOSED.finditer(after)}
    return any(_CLOSES[opening] in closing for opening in open_ones)


_WORDS = re.compile(r"[A-Za-z]{2,}|[^\W\d_a-zA-Z]{2,}")
# Nobody but an example puts a few words into base64, and nobody at all a sentence into hexadecimal.
_WORDS_OF_A_SENTENCE_MIN = {"base64": 8}
_WORDS_OF_ANY_SENTENCE_MIN = 5


def says_a_sentence(layer: Layer) -> bool:
    """Whether a decoded text is what somebody wrote to be read, and not a token, a digest or a program's data."""
    words = _WORDS.findall(layer.text)
    enough = len(words) >= _WORDS_OF_A_SENTENCE_MIN.get(layer.kind, _WORDS_OF_ANY_SENTENCE_MIN)
    return enough and sum(map(len, words)) / len(layer.text) > 0.7


_ABOUT_ATTACKS = regex.PatternSet(
    rf"\b{word}"
    for word in (
        r"attack(er|s)?\b",
        r"adversar(y|ies|ial)\b",
        r"malicious",
        r"(tool )?poison(ed|ing)\b",
        r"hidden (instruction|prompt|text|unicode)s?\b",
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


def speaks_of_attacks(text: str, words_min: int = _WORDS_OF_A_REVIEW_MIN) -> bool:
    """Whether a text uses so many different words of the trade that it is probably about attacks."""
    return len(_ABOUT_ATTACKS.matching(fold(text))) >= words_min


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


def _judged_by_parts(signs: Sequence[Sign]) -> Judgement:
    """The worst judgement of any part of a long text: what stands pages apart does not add up."""
    if not signs or max(sign.end for sign in signs) - min(sign.start for sign in signs) <= _PART_CHARACTERS:
        return judged(signs)
    best: dict[tuple[str, int, int], Sign] = {}  # of what many layers of one place say, once
    for sign in signs:
        key = (sign.rule.name, sign.number, sign.start)
        if key not in best or sign.weight > best[key].weight:
            best[key] = sign
    ordered = sorted(best.values(), key=lambda sign: sign.start)
    starts = [sign.start for sign in ordered]
    parts: list[Judgement] = []
    for start in sorted(set(starts)):
        within = ordered[bisect_left(starts, start) : bisect_right(starts, start + _PART_CHARACTERS)]
        parts.append(judged(within))
    return max(parts, key=lambda judgement: (_RANK[judgement.verdict], judgement.score))


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
