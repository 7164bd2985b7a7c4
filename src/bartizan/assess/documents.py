"""Findings on what agents read as their orders: instructions, skills, hooks, scripts, memory: with their lines.

An instruction file *is* instructions, so what tells in a tool's definition is often usual here: each rule says how
much its signs weigh by origin. A text is judged passage by passage, two neighbours at a time: a long manual holds many
weak signs that have nothing to do with each other, and poison does not become harmless in a long file.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from bartizan.assess.findings import confidence_of
from bartizan.assess.judge import Judge, Judgement, Sign, Verdict, judged, speaks_of_attacks
from bartizan.assess.passages import Passage, passages
from bartizan.model.asset import Asset
from bartizan.model.digest import digest_of_texts
from bartizan.model.document import DocumentText
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.model.origin import Origin
from bartizan.rules.check import worst_first

_ORDER = (Verdict.CLEAN, Verdict.SUSPICIOUS, Verdict.MALICIOUS)


def judge_documents(inventory: Inventory, judge: Judge) -> list[Finding]:
    """Judge every text of the inventory's documents. Worst first; equal input, equal output."""
    assets = inventory.by_id()
    return worst_first(
        finding
        for text in inventory.documents
        if (asset := assets.get(text.asset)) is not None
        for finding in _findings(text, asset, judge)
    )


def judge_document(text: str, origin: Origin, judge: Judge) -> Judgement:
    """The judgement of the worst place, with the signs of every place that is not clean."""
    parts = list(passages(text))
    told = [[_weighed(sign, part, origin) for sign in judge.signs(part.text)] for part in parts]
    places = [
        _place(parts, number, [sign for sign in (*told[number], *following) if sign.weight >= _SIGN_MIN])
        for number, following in enumerate([*told[1:], []])
        if told[number]
    ]
    worst = max(places, key=lambda one: (_ORDER.index(one.verdict), one.score), default=judged(()))
    seen = [sign for one in places if one.verdict is not Verdict.CLEAN for sign in one.signs]
    told_most = sorted(seen, key=lambda sign: (-sign.weight, sign.rule.name, sign.start, sign.number))
    once = {(sign.rule.name, sign.start): sign for sign in reversed(told_most)}
    return msgspec.structs.replace(worst, signs=tuple(reversed(once.values())))


_SIGN_MIN = 0.15  # a weaker one tells next to nothing in a text of this origin
_AROUND = 3  # passages before and after which show what a place speaks of


def _place(parts: Sequence[Passage], number: int, signs: Sequence[Sign]) -> Judgement:
    """Judge two neighbours together. Where they speak about attacks it takes something hidden to be malicious."""
    judgement = judged(signs)
    if judgement.verdict is not Verdict.MALICIOUS or any(sign.rule.check.layers for sign in signs):
        return judgement
    around = parts[max(0, number - _AROUND) : number + 2 + _AROUND]
    about = speaks_of_attacks("".join(part.text for part in around))
    return msgspec.structs.replace(judgement, verdict=Verdict.SUSPICIOUS) if about else judgement


_FORBIDDEN_SHARE = 0.2
_FORBIDS = re.compile(
    r"(?i)\b(?:never|do not|don't|must not|should not|may not|cannot|avoid|refuse to)"
    r"(?P<between>(?:[ \n`*\"']+[\w/\-]+){0,4})[ \n`*\"'(]*\Z"
)
_STILL_ASKED = re.compile(
    r"(?i)\b(?:forget|fail|hesitate|stop|skip|omit|tell|mention|inform|let|say|warn|reveal|user|that)\b"
)


def _weighed(sign: Sign, part: Passage, origin: Origin) -> Sign:
    """The sign in the whole text, with its weight in one of this origin: what is forbidden is hardly asked for."""
    share = sign.rule.check.origins.get(origin, 1.0)
    if not sign.rule.check.layers and _forbidden(part.text[max(0, sign.start - 80) : sign.start]):
        share *= _FORBIDDEN_SHARE
    start, end = part.start + sign.start, part.start + sign.end
    return msgspec.structs.replace(sign, weight=round(sign.weight * share, 3), start=start, end=end)


def _forbidden(before: str) -> bool:
    match = _FORBIDS.search(before)
    return match is not None and not _STILL_ASKED.search(match["between"])


def _findings(text: DocumentText, asset: Asset, judge: Judge) -> Iterator[Finding]:
    judgement = judge_document(text.text, text.origin, judge)
    told: set[str] = set()
    for sign in judgement.signs:
        if sign.rule.name not in told:
            told.add(sign.rule.name)
            yield _finding(text, asset, judgement, sign)


def _finding(text: DocumentText, asset: Asset, judgement: Judgement, sign: Sign) -> Finding:
    what = f"{text.origin.value.replace('_', ' ')} {asset.name}"
    return Finding(
        id=_identity(text, asset, judgement, sign),
        rule=sign.rule.name,
        title=sign.rule.title,
        subject=asset.id,
        severity=Severity.HIGH if judgement.verdict is Verdict.MALICIOUS else Severity.MEDIUM,
        confidence=confidence_of(sign.weight),
        message=f"{what} is {judgement.verdict.value} (score {judgement.score:.2f})",
        place=place_of(text, asset, sign.start),
        evidence=sign.evidence,
        remedy=_REMEDY,
        tags=sign.rule.tags,
    )


def _identity(text: DocumentText, asset: Asset, judgement: Judgement, sign: Sign) -> str:
    """Rests on every passage in which the rule sees a sign: one that is changed or added makes another finding."""
    starts = sorted(one.start for one in judgement.signs if one.rule is sign.rule)
    parts = (
        part
        for part in passages(text.text)
        if bisect_left(starts, part.start) < bisect_left(starts, part.start + len(part.text))
    )
    return finding_id(sign.rule.name, asset.id, digest_of_texts(sorted({part.text.strip() for part in parts})))


_REMEDY = (
    "Read the file where this stands, with its invisible characters shown. Take out what you did not write or agree "
    "to, look in its history for who did, and start no agent in this folder until then."
)


def place_of(text: DocumentText, asset: Asset, start: int) -> Place:
    """File and line of a code point of the text; the pointer where lines say nothing."""
    place = asset.places[0] if asset.places else Place()
    if text.line is None:
        return place
    return msgspec.structs.replace(place, line=text.line + text.text.count("\n", 0, start))
