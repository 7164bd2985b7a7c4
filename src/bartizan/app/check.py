"""`check`: definitions or texts given as JSON lines, judged one for one, in order, offline."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import msgspec

from bartizan.assess.copies import Entry, copies, entry
from bartizan.assess.findings import confidence_of
from bartizan.assess.judge import Judge, Judgement, Sign, Verdict
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.finding import Severity
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.origin import Origin
from bartizan.protocol.jsonrpc import decode

Kind = Literal["tool", "text"]
_SEVERITY = {Verdict.CLEAN: None, Verdict.SUSPICIOUS: Severity.MEDIUM, Verdict.MALICIOUS: Severity.HIGH}


class SignOut(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of the output: its place as a JSON Pointer, its span in code points of the decoded string."""

    rule: str
    severity: str
    confidence: str
    field: str
    span: tuple[int, int]
    evidence: str
    tags: tuple[str, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the output, for one line of the input."""

    index: int
    verdict: str
    score: float
    findings: tuple[SignOut, ...] = ()
    reason: str = ""

    @property
    def severity(self) -> Severity | None:
        """How bad the verdict is; None for clean lines and for errors."""
        return _SEVERITY[Verdict(self.verdict)] if self.verdict != "error" else None


def check(lines: Iterable[bytes], kind: Kind, judge: Judge) -> Iterator[Line]:
    """Judge line by line. A malformed line is an `error` with its reason, and the rest goes on.

    Definitions are seen together before the first is told, because a copy is one only beside its original.
    """
    if kind == "text":
        for index, line in enumerate(lines):
            yield _told(index, lambda line=line: (_text(decode(line.strip()), judge), "/text"))
        return
    read: list[Judgement | str] = []
    entries: list[Entry] = []
    for index, line in enumerate(lines):
        try:
            fields = _definition(decode(line.strip()))
        except RemoteProtocolError as error:
            read.append(str(error))
            continue
        read.append(judge.definition(fields))
        server = as_text(fields.get("server"))
        client = as_text(fields.get("client")) or f"\0{server}"  # without one, each server is a client of its own
        entries.append(entry(index, client, server, fields))
    names = {one.index: f"{one.name} of {one.server}" for one in entries}
    alike = {one.index: f"like {names[one.original]}, with its {one.shared}" for one in copies(entries)}
    for index, one in enumerate(read):
        if isinstance(one, str):
            yield Line(index=index, verdict="error", score=0.0, reason=one)
        else:
            yield _line(index, judge.with_copies(one, [alike[index]] if index in alike else []), "")


def _told(index: int, judged: Callable[[], tuple[Judgement, str]]) -> Line:
    try:
        return _line(index, *judged())
    except RemoteProtocolError as error:
        return Line(index=index, verdict="error", score=0.0, reason=str(error))


def _text(value: Any, judge: Judge) -> Judgement:
    fields = as_object(value)
    text = fields.get("text")
    if not isinstance(text, str):
        raise RemoteProtocolError("no object with a `text` that is a string")
    return judge.text(text, _origin(fields.get("origin")))


def _origin(told: Any) -> Origin:
    """What the line says of where its text comes from; what nobody knows is judged as what nobody vouches for."""
    return Origin(told) if told in set(Origin) else Origin.UNKNOWN


def _definition(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise RemoteProtocolError("not an object")
    fields = as_object(value)  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(fields.get("name"), str):
        raise RemoteProtocolError("no `name` that is a string")
    return fields


def _line(index: int, judgement: Judgement, pointer: str) -> Line:
    told = () if judgement.verdict is Verdict.CLEAN else judgement.signs
    found = tuple(_sign(sign, judgement.verdict, pointer) for sign in told)
    return Line(index=index, verdict=judgement.verdict.value, score=judgement.score, findings=found)


def _sign(sign: Sign, verdict: Verdict, pointer: str) -> SignOut:
    severity = _SEVERITY[verdict] or Severity.MEDIUM
    return SignOut(
        rule=sign.rule.name,
        severity=severity.value,
        confidence=confidence_of(sign.weight).value,
        field=f"{pointer}{sign.pointer}",
        span=(sign.start, sign.end),
        evidence=sign.evidence,
        tags=sign.rule.tags,
    )
