"""Pins and drift as text. Everything that a server said is shown with what no reader would see as code points."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.json import as_object
from bartizan.model.pin import Approval, Approved, Drift, FieldChange, PinKind, Review
from bartizan.text.normalise import show

_NAME_MAX = 80


def drift_lines(drift: Drift, *, server: str = "") -> Iterator[str]:
    """One drift: what, since which approval, and each difference with both sides."""
    since = f" since the approval of {_when(drift.approval)}" if drift.approval else ""
    was = f" (was {_name(drift.was)})" if drift.was else ""
    of = f"{_name(server)}: " if server else ""
    yield f"{drift.severity.value:<13} {of}{_what(drift.kind, drift.name)}{was} {drift.change.value}{since}"
    for change in drift.changes:
        yield from _change(change)
    if drift.more:
        yield f"              and {drift.more} more differences, none of them worse"


def _change(change: FieldChange) -> Iterator[str]:
    yield f"  {change.severity.value:<13} {show(change.pointer, most=200) or 'definition'}: {show(change.why)}"
    if change.before is not None:
        yield f"                - {show(change.before)}"
    if change.after is not None:
        yield f"                + {show(change.after)}"


def is_cut(drift: Drift) -> bool:
    """Whether a difference is not shown whole."""
    sides = [side for change in drift.changes for side in (change.before, change.after) if side]
    return drift.more > 0 or any(side.startswith("… ") or side.endswith(" …") for side in sides)


def definition_lines(kind: PinKind, name: str, definition: Any) -> Iterator[str]:
    """A whole definition, field by field and parameter by parameter, as it is approved."""
    yield f"  {_what(kind, name)}"
    if not isinstance(definition, dict):
        yield f"    {_value(definition)}"
        return
    for field, value in as_object(definition).items():
        if field == "inputSchema" and isinstance(value, dict):
            schema = as_object(value)
            rest = {name: inner for name, inner in schema.items() if name != "properties"}
            yield f"    inputSchema: {_value(rest)}"
            for parameter, inner in as_object(schema.get("properties")).items():
                yield f"      {_name(parameter)}: {_value(inner)}"
        elif field not in {"name", "uri", "uriTemplate"} or value != name:
            yield f"    {_name(field)}: {_value(value)}"


def review_line(review: Review, pins: int, *, client: str = "") -> str:
    """One row of the list of what is approved."""
    package = " ".join(part for part in (review.package, review.version) if part)
    scope = f" for {_name(client)}" if client else ""
    what = "everything" if review.kinds else "single definitions"
    return (
        f"{_name(review.name)}{scope}  {what}, {pins} pinned{f'  {show(package, most=200)}' if package else ''}\n"
        f"  {_when(review.approval)}: {show(review.approval.reason, most=300)}\n  {review.server}"
    )


def pin_list(approved: Approved) -> str:
    """What is approved, server by server, newest approval last."""
    counts: dict[tuple[AssetId, AssetId], int] = {}
    for pin in approved.pins:
        counts[pin.server, pin.client] = counts.get((pin.server, pin.client), 0) + 1
    return "\n".join(
        review_line(review, counts.get((review.server, review.client), 0), client=review.client)
        for review in approved.reviews
    )


def _what(kind: PinKind, name: str) -> str:
    return f"{kind.value} {_name(name)}" if name else kind.value


def _name(text: str) -> str:
    return show(text, most=_NAME_MAX)


def _value(value: Any) -> str:
    return show(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _when(approval: Approval) -> str:
    return f"{approval.at:%Y-%m-%d %H:%M} by {_name(approval.by)}"
