"""`check`: definitions or texts given as JSON lines, judged one for one, in order, offline."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, Literal

import msgspec

from bartizan.assess.copies import Entry, copies, entry
from bartizan.assess.findings import confidence_of
from bartizan.assess.judge import Judge, Judgement, Sign, Verdict, judged
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.finding import Severity
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.limits import DEFAULT, Limits
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


def lines_of(source: IO[bytes], limits: Limits = DEFAULT) -> Iterator[bytes]:
    """The lines of a file or a pipe, none longer than a message may be by more than a byte: the rest is passed over."""
    most = limits.message_bytes_max + 1
    first = True
    while line := source.readline(most):
        rest = line
        while len(rest) == most and not rest.endswith(b"\n"):
            rest = source.readline(most)
        yield line.removeprefix(codecs.BOM_UTF8) if first else line
        first = False


def check(
    lines: Iterable[bytes],
    kind: Kind,
    judge: Judge,
    limits: Limits = DEFAULT,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Line]:
    """Judge line by line. A malformed line is an `error` with its reason, and the rest goes on.

    Definitions of one client are seen together before the first is told, because a copy is one only beside its
    original: so many as `check_compared_max` and `check_compared_bytes_max` allow, and `note` is told where there are
    more. Without a client each server is a client of its own, nothing is compared, and each line is told at once.
    """
    if kind == "text":
        for index, line in enumerate(lines):
            yield _told(index, lambda line=line: (_text(_decoded(line, limits), judge), "/text"))
        return
    held: list[tuple[int, Judgement | str]] = []
    entries: list[Entry] = []
    held_bytes, noted = 0, False
    for index, line in enumerate(lines):
        judgement, compared = _judged(index, line, judge, limits)
        if not held and compared is None:
            yield from _compared([(index, judgement)], (), judge)
            continue
        held.append((index, judgement))
        entries += [compared] if compared else []
        held_bytes += len(line)
        if len(held) >= limits.check_compared_max or held_bytes >= limits.check_compared_bytes_max:
            yield from _compared(held, entries, judge)
            held, entries, held_bytes = [], [], 0
            if not noted:
                note(f"copies are looked for among {index + 1} lines at a time, not among all")
                noted = True
    yield from _compared(held, entries, judge)


def _judged(index: int, line: bytes, judge: Judge, limits: Limits) -> tuple[Judgement | str, Entry | None]:
    """The judgement of a line or what is wrong with it, and what other lines are compared with."""
    try:
        fields = _definition(_decoded(line, limits))
    except RemoteProtocolError as error:
        return str(error), None
    judgement = judge.definition(fields)
    client = as_text(fields.get("client"))
    compared = entry(index, client, as_text(fields.get("server")), fields) if client else None
    return judgement if judgement.signs else _NOTHING, compared


_NOTHING = judged(())


def _compared(held: Sequence[tuple[int, Judgement | str]], entries: Sequence[Entry], judge: Judge) -> Iterator[Line]:
    names = {one.index: f"{one.name} of {one.server}" for one in entries}
    alike = {one.index: f"like {names[one.original]}, with its {one.shared}" for one in copies(entries)}
    for index, one in held:
        if isinstance(one, str):
            yield Line(index=index, verdict="error", score=0.0, reason=one)
        else:
            yield _line(index, judge.with_copies(one, [alike[index]] if index in alike else []), "")


def _decoded(line: bytes, limits: Limits) -> Any:
    """The value of a line. Raises RemoteProtocolError with what is wrong in words for who wrote the file."""
    line = line.strip(b" \t\r\n")
    if not line:
        raise RemoteProtocolError("an empty line: not JSON")
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RemoteProtocolError("not UTF-8 but UTF-16: convert the file first")
    if b"\0" in line:
        raise RemoteProtocolError("not JSON: it holds a NUL byte, as UTF-16 and binary files do")
    return decode(line, limits)


def _told(index: int, judge: Callable[[], tuple[Judgement, str]]) -> Line:
    try:
        return _line(index, *judge())
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
    return Origin(told) if isinstance(told, str) and told in set(Origin) else Origin.UNKNOWN


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
