"""`enforce`: a vendor's managed allow-list of what `wrap` put behind the gateway."""

from pathlib import Path
from typing import Any

from bartizan.app.home import state_folder
from bartizan.app.wrapped import WrappedShelf
from bartizan.model.errors import UsageError
from bartizan.model.json import as_array
from bartizan.model.wrapped import WrappedEntry
from bartizan.report.enforce import VENDORS, Admitted, Enforcement

_ADDRESSES = ("url", "serverUrl", "httpUrl", "uri")


def enforce(vendor: str, *, state: Path | None = None) -> Enforcement:
    """The allow-list of a vendor. Raises UsageError where nothing is wrapped: an empty list would block everything."""
    if vendor not in VENDORS:
        raise UsageError(f"no vendor {vendor[:80]!r}", remedy=f"one of {', '.join(VENDORS)}")
    files = WrappedShelf(state or state_folder()).all()
    admitted = [_admitted(entry) for file in files for entry in file.entries]
    if not admitted:
        raise UsageError("nothing is behind the gateway, so the list would admit nothing", remedy="run `bartizan wrap`")
    return VENDORS[vendor](admitted)


def _admitted(entry: WrappedEntry) -> Admitted:
    """An entry by what was written into it."""
    url = next((str(entry.written[key]) for key in _ADDRESSES if key in entry.written), "")
    words: list[Any] = []
    for value in entry.written.values() if not url else ():
        words += as_array(value) if isinstance(value, list) else [value]
    return Admitted(client=entry.client, name=entry.name, command=tuple(str(word) for word in words), url=url)
