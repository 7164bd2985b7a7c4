"""The context of detection: read, validated, every mistake with its line."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bartizan.app.yaml_file import converted, line_of, parsed
from bartizan.detect.enrich import Enricher, calendar_of, tables_of
from bartizan.model.errors import ContentError, Place, UsageError, reason_of
from bartizan.model.estate import Estate
from bartizan.model.json import as_array, as_object
from bartizan.model.limits import DEFAULT
from bartizan.rules.context import Context


def read_estate(path: Path | None) -> Estate:
    """What the file says; nothing without one. Raises UsageError, ContentError with every mistake."""
    if path is None:
        return Estate()
    try:
        with path.open("rb") as file:
            data = file.read(DEFAULT.document_bytes_max + 1)
    except OSError as error:
        raise UsageError(f"cannot read the context: {reason_of(error)}", where=Place(path=str(path))) from None
    if len(data) > DEFAULT.document_bytes_max:
        raise UsageError(f"larger than {DEFAULT.document_bytes_max} bytes", where=Place(path=str(path)))
    return parse_estate(data.decode("utf-8", "replace"), str(path))


def parse_estate(text: str, path: str) -> Estate:
    """A context. Raises ContentError with every mistake and its line."""
    document, node = parsed(text, path)
    if isinstance(document, dict):
        for part, key in (("people", "since"), ("sessions", "start"), ("sessions", "end")):
            for one in as_array(as_object(document).get(part)):
                if isinstance(one, dict) and key in one:
                    one[key] = _moment(one[key])
    estate = converted(document if document is not None else {}, node, path, Estate)
    try:
        calendar_of(estate)
    except ValueError as error:
        line = line_of(node, ["business_hours"])
        raise ContentError([(Place(path=path, line=line), str(error))]) from None
    return estate


def _moment(value: Any) -> Any:
    """A date is its midnight in UTC."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        value = date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-([01][0-9]|2[0-8])")


def judged_with(estate: Estate) -> tuple[Context, Enricher]:
    """What the engine asks, and what events are joined with."""
    return Context(tables=tables_of(estate), calendar=calendar_of(estate)), Enricher(estate)
