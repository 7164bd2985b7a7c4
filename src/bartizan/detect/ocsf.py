"""Building OCSF 1.8 events: classes and their activities, times, and the objects that most sources share.

A builder leaves out what is None, and is None itself where nothing is left.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from bartizan.model.json import JsonObject

VERSION = "1.8.0"
UNKNOWN = "unknown"  # stands where the schema requires something and the record says nothing
TIME_UNKNOWN = "time unknown"  # a label in `metadata`: `time` is 0 then, and the pipeline puts the time of receipt
SUCCESS, FAILURE = (1, "Success"), (2, "Failure")
CREATE, READ, UPDATE, DELETE, OTHER = 1, 2, 3, 4, 99  # activities of API Activity


class EventClass:
    """A class of events: its uid, its names, and the captions of its activities."""

    def __init__(self, uid: int, name: str, category: str, activities: dict[int, str]) -> None:
        self.uid, self.name = uid, name
        self._heads = {
            activity: {
                "class_uid": uid,
                "class_name": name,
                "category_uid": uid // 1000,
                "category_name": category,
                "activity_id": activity,
                "activity_name": caption,
                "type_uid": uid * 100 + activity,
                "type_name": f"{name}: {caption}",
            }
            for activity, caption in {0: "Unknown", **activities, 99: "Other"}.items()
        }

    def head(self, activity: int) -> JsonObject:
        """What every event of this class and activity begins with: a shared object, to be copied."""
        return self._heads.get(activity) or self._heads[OTHER]


_SYSTEM, _NETWORK, _APPLICATION = "System Activity", "Network Activity", "Application Activity"
_IAM = "Identity & Access Management"
_CONNECTION = {1: "Open", 2: "Close", 3: "Reset", 4: "Fail", 5: "Refuse", 6: "Traffic", 7: "Listen"}
_CRUD = {CREATE: "Create", READ: "Read", UPDATE: "Update", DELETE: "Delete"}

BASE_EVENT = EventClass(0, "Base Event", "Uncategorized", {})
FILE_ACTIVITY = EventClass(
    1001, "File System Activity", _SYSTEM, {**_CRUD, 5: "Rename", 6: "Set Attributes", 14: "Open"}
)
PROCESS_ACTIVITY = EventClass(1007, "Process Activity", _SYSTEM, {1: "Launch", 2: "Terminate", 3: "Open", 4: "Inject"})
DETECTION_FINDING = EventClass(2004, "Detection Finding", "Findings", {1: "Create", 2: "Update", 3: "Close"})
ACCOUNT_CHANGE = EventClass(3001, "Account Change", _IAM, {1: "Create", 6: "Delete"})
AUTHENTICATION = EventClass(3002, "Authentication", _IAM, {1: "Logon", 2: "Logoff", 7: "Account Switch"})
ENTITY_MANAGEMENT = EventClass(3004, "Entity Management", _IAM, {**_CRUD, 5: "Move"})
NETWORK_ACTIVITY = EventClass(4001, "Network Activity", _NETWORK, _CONNECTION)
DNS_ACTIVITY = EventClass(4003, "DNS Activity", _NETWORK, {1: "Query", 2: "Response", 6: "Traffic"})
SSH_ACTIVITY = EventClass(4007, "SSH Activity", _NETWORK, _CONNECTION)
API_ACTIVITY = EventClass(6003, "API Activity", _APPLICATION, _CRUD)
DATASTORE_ACTIVITY = EventClass(
    6005,
    "Datastore Activity",
    _APPLICATION,
    {1: "Read", 2: "Update", 3: "Connect", 4: "Query", 5: "Write", 6: "Create", 7: "Delete"},
)
_SEVERITIES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical", 6: "Fatal"}


def some(**attributes: Any) -> JsonObject | None:
    """An object of the attributes that are there; None where none is."""
    return {name: value for name, value in attributes.items() if value is not None} or None


def event(
    of: EventClass,
    activity: int,
    when: int | None,
    *,
    status: tuple[int, str] | None = None,
    severity: int = 1,
    metadata: JsonObject,
    **attributes: Any,
) -> JsonObject:
    """An event of a class. `when` is in milliseconds since 1970; None is a time that nobody knows."""
    record: JsonObject = {
        **of.head(activity),
        "time": when or 0,
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "metadata": metadata,
    }
    if when is None:
        metadata["labels"] = [*metadata.get("labels", ()), TIME_UNKNOWN]
    if status:
        record["status_id"], record["status"] = status
    for name, value in attributes.items():
        if value is not None:
            record[name] = value
    return record


def stamp(native: JsonObject, *names: str) -> tuple[int | None, str | None]:
    """When a record says that it happened, by the first of the names that holds a time; a text is taken."""
    for name in names:
        value = native.get(name)
        when = milliseconds(value) if value is not None else None
        if when is not None:
            if not isinstance(value, str):
                return when, None
            del native[name]
            return when, value
    return None, None


def metadata(uid: str | None, original_time: str | None, *profiles: str) -> JsonObject:
    """What a record says of itself. `uid` None: the digest of the raw record."""
    return some(uid=uid, original_time=original_time, profiles=list(profiles) or None) or {}


_TIME_MAX = 253_402_300_799_999  # the last millisecond of the year 9999


def milliseconds(value: Any) -> int | None:
    """A time as milliseconds since 1970: RFC 3339 and its kin, or a number of seconds, milliseconds, micro- or nano-.

    A text without a zone is UTC. None for what is no time, or none between 1970 and 9999.
    """
    try:
        if isinstance(value, str):
            return _of_text(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return _of_number(value)
    except (ValueError, OverflowError):
        return None


def _of_text(value: str) -> int | None:
    if len(value) > 64:
        return None
    if value.isdecimal() and len(value) > 8:
        return _of_number(int(value))
    when = datetime.fromisoformat(_DIGITS.sub(r"\1", value) if len(value) > 26 else value)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return _bounded((when - _EPOCH) // _MILLISECOND)


_DIGITS = re.compile(r"(\.\d{6})\d+")  # nanoseconds: more than a datetime holds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _of_number(value: float) -> int | None:
    if value < 1e11:  # seconds, until the year 5138
        return _bounded(round(value * 1000))
    while value >= 1e14:
        value = value // 1000
    return _bounded(int(value))


def _bounded(when: int) -> int | None:
    return when if 0 < when <= _TIME_MAX else None


_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[\w\-]{0,62}\.)*[\w\-]{0,62}\.?", re.ASCII)


@lru_cache(maxsize=8192)
def host_field(value: str) -> str:
    """What a text is that names where something came from: `ip`, `hostname`, or just a `name`."""
    try:
        ip_address(value)
    except ValueError:
        return "hostname" if _HOST.fullmatch(value) else "name"
    return "ip" if len(value) <= 40 else "name"


def endpoint(host: str | None, port: int | None = None, **attributes: Any) -> JsonObject | None:
    """An endpoint by address or name, or what is known of one that has neither."""
    if host:
        attributes[host_field(host)] = host
    found = some(**attributes, port=port)
    if found and found.keys().isdisjoint(_NAMES_AN_ENDPOINT):
        found["svc_name"] = UNKNOWN
    return found


_NAMES_AN_ENDPOINT = {"ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "domain"}


def source(host: str | None, port: int | None = None, **attributes: Any) -> JsonObject:
    """`src_endpoint`, which most classes require: unknown where the record names none."""
    return endpoint(host, port, **attributes) or {"svc_name": UNKNOWN}


def actor(user: JsonObject | None, **attributes: Any) -> JsonObject:
    """`actor`, which most classes require: unknown where the record names none."""
    return some(user=user, **attributes) or {"app_name": UNKNOWN}


def user(**attributes: Any) -> JsonObject | None:
    """A user, as far as anything is known of one. One without name, uid and account has an unknown account."""
    found = some(**attributes)
    if found and found.keys().isdisjoint(_NAMES_A_USER):
        found["account"] = {"name": UNKNOWN}
    return found


_NAMES_A_USER = {"name", "uid", "account"}


def credential(fingerprint: str | None, kind: str) -> list[JsonObject] | None:
    """`programmatic_credentials` of a user: one, by its fingerprint."""
    return [{"uid": fingerprint, "type": kind}] if fingerprint else None


_VERBS = {
    CREATE: "create add insert register allocate import generate run invite issue new post provision copy mint "
    "upload sign",
    READ: "get list describe read head lookup search query scan select batch view fetch download export check access "
    "show test verify watch find count reveal clone pull read_secret fill",
    UPDATE: "update modify set put patch attach detach change edit enable disable reset rotate rename move assign "
    "replace restore start stop push renew reboot grant revoke lock unlock tag untag "
    "suspend activate deactivate approve",
    DELETE: "delete remove terminate deregister destroy purge cancel drop unregister deletecollection",
}
_ACTIVITY = {word: activity for activity, words in _VERBS.items() for word in words.split()}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@lru_cache(maxsize=8192)
def activity_of(operation: str) -> int:
    """What an operation does by the first word of its name that says so: `GetSecretValue`, `repo.create`, `list`."""
    if operation.startswith("BatchGet"):
        return READ
    words = (_ACTIVITY.get(word.lower()) for word in _WORDS.findall(operation[:200]))
    return next((activity for activity in words if activity), OTHER)
