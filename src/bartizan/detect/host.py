"""What events of one machine have in common: its processes, files and name."""

from typing import Any

from bartizan.detect.ocsf import UNKNOWN, some
from bartizan.model.json import JsonObject

_UNSET = {4294967295, -1}  # what the kernel writes for a user or session that nobody has set


def whole(value: Any) -> int | None:
    """A number that is told as one or in decimal digits; None for what is unset."""
    if isinstance(value, str) and len(value) < 12 and value.removeprefix("-").isascii() and value[-1:].isdigit():
        value = int(value) if value.removeprefix("-").isdigit() else None
    if isinstance(value, bool) or not isinstance(value, int) or value in _UNSET or abs(value) >= 1 << 63:
        return None
    return value


def device(name: str | None) -> JsonObject:
    """The machine, by its name where the record tells it."""
    return {"hostname": name, "type_id": 0} if name else {"name": UNKNOWN, "type_id": 0}


def file(path: str | None) -> JsonObject | None:
    """A file by its path."""
    if not path:
        return None
    return {"path": path, "name": path.rstrip("/").rpartition("/")[2] or path, "type_id": 1}


def process(pid: int | None = None, path: str | None = None, **attributes: Any) -> JsonObject | None:
    """A process, as far as anything is known of one. `path` is that of what it runs."""
    found = some(pid=pid, file=file(path), **attributes)
    if found and found.keys().isdisjoint({"pid", "uid"}):
        found["uid"] = UNKNOWN
    return found


def acting(of: JsonObject | None, user: JsonObject | None = None) -> JsonObject:
    """The actor: a process, its user, or somebody unknown."""
    return some(process=of, user=user) or {"app_name": UNKNOWN}
