"""Enrichment: whose credential, which server, approved or not: joined to each event as of its time.

What is found stands in the private object `mcp` of the event: `credential`, `owner`, `owner_status`, `actor`, `server`,
`egress`, `process`, `write` and `user_session`. What the event says there itself stays.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from bartizan.model.estate import DAYS, Estate, KnownCredential, KnownHours, KnownServer
from bartizan.model.json import JsonObject, as_array, as_object, as_text
from bartizan.model.source_event import SourceEvent
from bartizan.rules.hours import Calendar, Hours
from bartizan.rules.lookups import Row, Table

PROCESS, FILE, NETWORK, DNS = 1007, 1001, 4001, 4003
_WORDS = re.compile(r"[\w.@-]+")
TABLES = ("people", "credentials", "servers")
_WRITES = frozenset({1, 3, 4, 5, 6, 7, 9})  # File System Activity: all but read, get attributes, open
_OPENED = 14


def milliseconds(when: datetime | None) -> int:
    """Since 1970; without a zone in UTC, and nothing is always."""
    if when is None:
        return 0
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def tables_of(estate: Estate) -> dict[str, Table]:
    """What rules look up, by the names of `TABLES`."""
    names: dict[str, dict[str, None]] = {}
    for one in estate.people:  # a name that one entry of a person says is theirs in all entries
        names.setdefault(one.id, {}).update(dict.fromkeys((one.id, *one.also)))
    people = (
        Row(
            key=name,
            since=milliseconds(one.since),
            columns={"status": (one.status,), "roles": one.roles},
            tenant=one.tenant,
        )
        for one in estate.people
        for name in names[one.id]
    )
    credentials = (
        Row(
            key=one.fingerprint,
            columns={"kind": (one.kind,), "owner": (one.owner,), "server": (one.server,), "scopes": one.scopes},
        )
        for one in estate.credentials
    )
    servers = (Row(key=name, columns={"owner": (one.owner,)}) for one in estate.servers for name in (one.id, *one.also))
    return {"people": Table(people), "credentials": Table(credentials), "servers": Table(servers)}


def calendar_of(estate: Estate) -> Calendar:
    """When people work. Raises ValueError for a time zone that does not exist."""
    told = estate.business_hours
    if told is None:
        return Calendar()
    owners = {name.casefold(): _hours(one) for name, one in told.owners.items()}
    return Calendar(owners=owners, default=_hours(told.default) if told.default else None)


def _hours(one: KnownHours) -> Hours:
    try:
        zone = ZoneInfo(one.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {one.timezone[:60]!r}") from None
    begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in one.hours.split("-"))
    week = {DAYS.index(day): ((begin, end),) for day in one.days}
    return Hours(zone=zone, week=week, holidays=frozenset(one.holidays))


class Enricher:
    """Joins what is known to events. Made once for each version of what is known."""

    def __init__(self, estate: Estate) -> None:
        self._credentials = {one.fingerprint: one for one in estate.credentials}
        self._identities = {name.casefold(): one for one in estate.credentials for name in one.identities}
        self._secrets = [(_glob(name), one) for one in estate.credentials for name in one.secrets]
        self._people = tables_of(estate)["people"]
        self._names = {name.casefold(): one.id for one in estate.people for name in (one.id, *one.also)}
        self._servers = {one.id.casefold(): Known(one) for one in estate.servers}
        self._also = {name.casefold(): one.id for one in estate.servers for name in (one.id, *one.also)}
        self._sessions = _sessions(estate, self._names)
        self._knows_actors = bool(self._names or self._identities)
        self._knows_sessions = bool(estate.sessions)
        self.idle = estate == Estate()

    def enriched(self, event: SourceEvent) -> SourceEvent:
        """The event with what is known; the same object where nothing is."""
        if self.idle:
            return event
        record, mcp = event.record, as_object(event.record.get("mcp"))
        found: JsonObject = {}
        credential = self._credential(record, mcp)
        if credential is not None:
            found["credential"] = credential.fingerprint
        owner = (credential.owner if credential else "") or self._person(record)
        if owner:
            found["owner"] = owner
            row = self._people.as_of(owner, event.time, event.tenant)
            found["owner_status"] = row.columns["status"][0] if row else "unknown"
        if self._knows_actors and (actors := list(_actors(record))):
            found["actor"] = (
                "known" if any(one in self._names or one in self._identities for one in actors) else "unknown"
            )
        server = as_text(mcp.get("server")) or (credential.server if credential else "") or self._server(record)
        if server:
            found["server"] = server
            if approved := self._servers.get(self._also.get(server.casefold(), "").casefold()):
                found |= approved.judged(record)
        if self._knows_sessions and owner:
            found["user_session"] = "active" if self._active(owner, event.time) else "none"
        if not found:
            return event
        return msgspec.structs.replace(event, record={**record, "mcp": {**found, **mcp}})

    def _credential(self, record: JsonObject, mcp: JsonObject) -> KnownCredential | None:
        told = [as_text(mcp.get("credential")), *_fingerprints(record)]
        for fingerprint in told:
            if fingerprint in self._credentials:
                return self._credentials[fingerprint]
        for name in _resources(record):
            for pattern, one in self._secrets:
                if pattern.fullmatch(name.casefold()):
                    return one
        return next((self._identities[name] for name in _actors(record) if name in self._identities), None)

    def _person(self, record: JsonObject) -> str:
        return next((self._names[name] for name in _actors(record) if name in self._names), "")

    def _server(self, record: JsonObject) -> str:
        if not self._also:
            return ""
        for text in _places(record):
            told = text.casefold()
            for word in (told, *_WORDS.findall(told)):
                if word in self._also:
                    return self._also[word]
        return ""

    def _active(self, owner: str, at: int) -> bool:
        begins = self._sessions.get(owner)
        if not begins:
            return False
        number = bisect_right(begins, (at, 1 << 62))
        return number > 0 and at < begins[number - 1][1]


class Known:
    """A server with what is approved of it, ready to be asked."""

    def __init__(self, server: KnownServer) -> None:
        self._server = server
        self._networks: list[IPv4Network | IPv6Network] = []
        self._domains: list[str] = []
        for one in server.egress or ():
            try:
                self._networks.append(ip_network(one, strict=False))
            except ValueError:
                self._domains.append(one.casefold().rstrip("."))
        self._processes = {one.casefold() for one in server.processes or ()}

    def judged(self, record: JsonObject) -> JsonObject:
        """Whether what the event tells of is approved: `approved` or `unapproved`; nothing where nobody said."""
        kind = record.get("class_uid")
        if kind in {NETWORK, DNS} and self._server.egress is not None:
            targets = list(_targets(record))
            return {"egress": _word(all(map(self._reaches, targets)))} if targets else {}
        if kind == PROCESS and self._server.processes is not None:
            names = _programs(record)
            return {"process": _word(bool(self._processes & names))} if names else {}
        if kind == FILE and self._server.write_paths is not None and record.get("activity_id") in _WRITES:
            path = as_text(as_object(record.get("file")).get("path"))
            return {"write": _word(any(_within(path, folder) for folder in self._server.write_paths))} if path else {}
        return {}

    def _reaches(self, target: str) -> bool:
        try:
            address = ip_address(target)
        except ValueError:
            name = target.casefold().rstrip(".")
            return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in self._domains)
        return any(address in one for one in self._networks)


def _word(approved: bool) -> str:  # noqa: FBT001 - a fact, no flag
    return "approved" if approved else "unapproved"


def _within(path: str, folder: str) -> bool:
    """Whether a path lies in a folder; one that climbs lies nowhere."""
    parts = path.split("/")
    return ".." not in parts and (path == folder or path.startswith(folder.rstrip("/") + "/"))


def _glob(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in name.casefold().split("*")))


def _sessions(estate: Estate, names: dict[str, str]) -> dict[str, list[tuple[int, int]]]:
    """By person, begins with their ends; overlapping sessions are one, so that one question answers."""
    told: dict[str, list[tuple[int, int]]] = {}
    for one in estate.sessions:
        person = names.get(one.person.casefold(), one.person)
        end = milliseconds(one.end) if one.end else 1 << 62
        told.setdefault(person, []).append((milliseconds(one.start), end))
    joined: dict[str, list[tuple[int, int]]] = {}
    for person, sessions in told.items():
        for begin, end in sorted(sessions):
            kept = joined.setdefault(person, [])
            if kept and begin <= kept[-1][1]:
                kept[-1] = (kept[-1][0], max(kept[-1][1], end))
            else:
                kept.append((begin, end))
    return joined


def _texts(told: Iterable[object]) -> Iterator[str]:
    return (one for one in told if isinstance(one, str) and one)


def _fingerprints(record: JsonObject) -> Iterator[str]:
    user = as_object(as_object(record.get("actor")).get("user"))
    own = as_object(record.get("user"))
    for one in (*as_array(user.get("programmatic_credentials")), *as_array(own.get("programmatic_credentials"))):
        yield from _texts((as_object(one).get("uid"),))


def _resources(record: JsonObject) -> Iterator[str]:
    for one in as_array(record.get("resources")):
        told = as_object(one)
        yield from _texts((told.get("name"), told.get("uid")))


def _actors(record: JsonObject) -> Iterator[str]:
    actor = as_object(record.get("actor"))
    for user in (as_object(actor.get("user")), as_object(record.get("user"))):
        for name in _texts((user.get("email_addr"), user.get("name"), user.get("uid"), user.get("full_name"))):
            yield name.casefold()


def _places(record: JsonObject) -> Iterator[str]:
    """Where an event names the server that it comes from: its service, container, process and those above it."""
    actor = as_object(record.get("actor"))
    container = as_object(record.get("container"))
    yield from _texts((as_object(record.get("src_endpoint")).get("svc_name"), container.get("name")))
    for process in (as_object(record.get("process")), as_object(actor.get("process"))):
        inner: JsonObject = process
        for _ in range(8):
            if not inner:
                break
            where = as_object(inner.get("container")).get("name")
            yield from _texts(
                (where, inner.get("cmd_line"), inner.get("name"), as_object(inner.get("file")).get("path"))
            )
            inner = as_object(inner.get("parent_process"))
    yield from _texts((as_object(actor.get("user")).get("name"), actor.get("app_name")))


def _targets(record: JsonObject) -> Iterator[str]:
    """Where a connection or a question goes: the name where there is one, else the address."""
    query = as_text(as_object(record.get("query")).get("hostname"))
    if query:
        yield query
        return
    target = as_object(record.get("dst_endpoint"))
    yield from list(_texts((target.get("hostname"), target.get("domain"), target.get("ip"))))[:1]


def _programs(record: JsonObject) -> set[str]:
    process = as_object(record.get("process"))
    path = as_text(as_object(process.get("file")).get("path"))
    told: Sequence[str] = (path, path.rpartition("/")[2], as_text(process.get("name")))
    return {one.casefold() for one in told if one}
