"""The report as one JSON document, `bartizan-report/1`; its schema is `docs/reference/schemas/report.schema.json`."""

import json
import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.coverage import Look
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions, Expired, Suppression, exception_line
from bartizan.report.subjects import Subjects
from bartizan.report.summary import Summary

FORMAT = "bartizan-report/1"


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at of one asset, or of the machine when `subject` is empty, and whether anything is missing."""

    subject: AssetId
    name: str
    complete: bool
    looks: tuple[Look, ...]


class Counted(Finding, frozen=True, kw_only=True, omit_defaults=True):
    """A finding that counts. `exception` is the line of a file of suppressions that would except it, once filled in."""

    exception: str


class Held(Finding, frozen=True, kw_only=True, omit_defaults=True):
    """A finding that somebody accepted, with the entry that says so."""

    suppression: Suppression


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report. `findings` come worst first, `coverage` by subject, the machine before all.

    `suppressed` findings do not count. `expired` and `unused` are entries that held nothing: past their last day, with
    the findings that count again because of it, and those that matched nothing in this scan.
    """

    format: Literal["bartizan-report/1"] = FORMAT
    taken_at: datetime
    summary: Summary
    inventory: Inventory
    findings: tuple[Counted, ...]
    suppressed: tuple[Held, ...] = ()
    expired: tuple[Expired, ...] = ()
    unused: tuple[Suppression, ...] = ()
    coverage: tuple[Coverage, ...]


def render(inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
    """The report as indented ASCII JSON: what is invisible stands as an escape. Equal input, equal bytes.

    What documents say is left out: a report may be published, and memory holds what people told their agents.
    """
    report = Report(
        taken_at=inventory.taken_at,
        summary=Summary.of(inventory, findings),
        inventory=msgspec.structs.replace(inventory, documents=()),
        findings=tuple(_counted(inventory, findings)),
        suppressed=tuple(Held(**_fields(one.finding), suppression=one.suppression) for one in exceptions.suppressed),
        expired=exceptions.expired,
        unused=exceptions.unused,
        coverage=tuple(_coverage(inventory)),
    )
    return dump(msgspec.to_builtins(report, order="deterministic"))


def _counted(inventory: Inventory, findings: list[Finding]) -> Iterable[Counted]:
    subjects = Subjects(inventory)
    for finding in findings:
        yield Counted(**_fields(finding), exception=exception_line(finding, subjects.named(finding.subject)))


def _fields(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in finding.__struct_fields__}


def _coverage(inventory: Inventory) -> Iterable[Coverage]:
    names = {asset.id: asset.name for asset in inventory.assets}
    looks: dict[AssetId, list[Look]] = {"": []}
    for look in inventory.looks:
        looks.setdefault(look.subject, []).append(look)
    for subject, found in sorted(looks.items()):
        complete = bool(found) and all(look.complete for look in found)
        yield Coverage(subject=subject, name=names.get(subject, ""), complete=complete, looks=tuple(found))


def dump(document: Any) -> str:
    """Indented ASCII JSON that every reader accepts, with a line feed at its end."""
    out = bytearray()
    _write(out, document, depth=3, margin="\n")
    out += b"\n"
    return out.decode("ascii")


def dump_line(document: Any) -> str:
    """The same on one line, for JSON lines."""
    return _plain(document) + "\n"


def _write(out: bytearray, value: Any, depth: int, margin: str) -> None:
    """The upper levels are taken apart, so that no encoder ever holds all of a large document."""
    if depth and value and isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        opening, closing, members = "{", "}", [(f"{_plain(key)}: ", item) for key, item in fields.items()]
    elif depth and value and isinstance(value, list | tuple):
        opening, closing, members = "[", "]", [("", item) for item in cast("list[Any]", value)]
    else:
        out += msgspec.json.format(_plain(value), indent=2).replace("\n", margin).encode("ascii")
        return
    inner = margin + "  "
    for number, (label, item) in enumerate(members):
        out += f"{',' if number else opening}{inner}{label}".encode("ascii")
        _write(out, item, depth - 1, inner)
    out += f"{margin}{closing}".encode("ascii")


def _plain(value: Any) -> str:
    """Looking at each value is many times slower than encoding it, and hardly ever needed."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:  # an infinity
        text = ""
    return text if text and "\\ud" not in text else json.dumps(_acceptable(value), allow_nan=False)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _acceptable(value: Any) -> Any:
    """What JSON has no form for becomes text: halves of characters, as bytes of a file name give, and infinities."""
    if isinstance(value, str):
        return _SURROGATE.sub(lambda half: f"‹U+{ord(half[0]):04X}›", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return {_acceptable(key): _acceptable(item) for key, item in items.items()}
    if isinstance(value, list | tuple):
        return [_acceptable(item) for item in cast("list[Any]", value)]
    return value
