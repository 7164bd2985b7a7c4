"""`check`: definitions or texts given as JSON lines, judged one for one, in order, offline."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from bartizan.assess.findings import confidence_of
from bartizan.assess.judge import Judge, Judgement, Sign, Verdict
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.finding import Severity
from bartizan.model.json import as_object
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
    """Judge line by line. A malformed line is an `error` with its reason, and the rest goes on."""
    for index, line in enumerate(lines):
        try:
            yield _judged(index, decode(line.strip()), kind, judge)
        except RemoteProtocolError as error:
            yield Line(index=index, verdict="error", score=0.0, reason=str(error))


def _judged(index: int, value: Any, kind: Kind, judge: Judge) -> Line:
    if not isinstance(value, dict):
        raise RemoteProtocolError("not an object")
    fields = as_object(value)  # pyright: ignore[reportUnknownArgumentType]
    if kind == "text":
        text = fields.get("text")
        if not isinstance(text, str):
            raise RemoteProtocolError("no `text` that is a string")
        judgement, pointer = judge.text(text), "/text"
    else:
        if not isinstance(fields.get("name"), str):
            raise RemoteProtocolError("no `name` that is a string")
        judgement, pointer = judge.definition(fields), ""
    return _line(index, judgement, pointer)


def _line(index: int, judgement: Judgement, pointer: str) -> Line:
    found = tuple(_sign(sign, judgement.verdict, pointer) for sign in judgement.signs)
    return Line(index=index, verdict=judgement.verdict.value, score=judgement.score, findings=found)


def _sign(sign: Sign, verdict: Verdict, pointer: str) -> SignOut:
    severity = _SEVERITY[verdict] or Severity.INFORMATIONAL
    return SignOut(
        rule=sign.rule.name,
        severity=severity.value,
        confidence=confidence_of(sign.weight).value,
        field=f"{pointer}{sign.pointer}",
        span=(sign.start, sign.end),
        evidence=sign.evidence,
        tags=sign.rule.tags,
    )
