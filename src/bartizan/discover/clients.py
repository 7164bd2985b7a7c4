"""Client configurations: which servers each client starts or reaches, with what, and which secrets stand there."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import msgspec

from bartizan.discover.catalogue import UNKNOWN, Catalogue, owned
from bartizan.discover.entries import Entry, read_entry
from bartizan.discover.formats import BrokenError, Document, Step, read_document
from bartizan.discover.gather import Gathering
from bartizan.discover.models import read_models
from bartizan.discover.servers import Sighting, take_server
from bartizan.discover.walk import Path, at, in_dotenv, is_structured, stored_in, texts
from bartizan.discover.wrap import is_ours, restored_entry
from bartizan.model.asset import AssetId, EdgeKind
from bartizan.model.client import ClientSpec, ConfigPath
from bartizan.model.coverage import Outcome
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.json import as_array
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.record import FileRecord, NamedFile
from bartizan.model.secret import Secret
from bartizan.model.wrapped import WrappedFile
from bartizan.text.redaction import redact_text

SEEN_BY = "configurations"
_NO_SERVERS = frozenset({"skill", "instruction", "memory", "script"})
_Off = dict[tuple[int, Step], set[str]]


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What the configurations say.

    `launches` may hold secrets and stay in memory. `named_files` are dotenv files that servers name, and
    `local_programs` scripts and programs that they start by path: both are to be read or hashed by a collector, whose
    records and digests make a second reading complete.
    """

    observation: Observation
    launches: dict[AssetId, Launch]
    named_files: tuple[NamedFile, ...] = ()
    local_programs: tuple[str, ...] = ()


def read_clients(
    records: Sequence[FileRecord],
    catalogue: Sequence[ClientSpec],
    *,
    key: Secret,
    at: datetime,
    digests: Mapping[str, str] | None = None,
    wrapped: Sequence[WrappedFile] = (),
    limits: Limits = DEFAULT,
) -> Read:
    """Read every configuration among `records`. Raises nothing for what stands in them: that is in the looks.

    `key` is the deployment's fingerprint key. `digests` are SHA-256 by path of `local_programs`. `wrapped` are the
    configurations that lead to the gateway: of their entries, the servers behind it are told.
    """
    reading = _Reading(Catalogue(catalogue), key, digests or {}, limits)
    reading.wrapped = {file.path: file for file in wrapped}
    reading.dotenv = {record.path: record for record in records if record.role == "dotenv"}
    kept = owned([record for record in records if record.role != "dotenv"], reading.catalogue)
    for record in sorted(kept, key=lambda one: one.client == UNKNOWN):
        reading.read(record)
    return Read(
        observation=reading.gathering.observation(SEEN_BY, at),
        launches=reading.launches,
        named_files=tuple(dict.fromkeys(reading.named_files)),
        local_programs=tuple(dict.fromkeys(reading.local_programs)),
    )


def projects_named(
    records: Sequence[FileRecord], catalogue: Sequence[ClientSpec], limits: Limits = DEFAULT
) -> list[tuple[FileRecord, str]]:
    """Folders in which clients work, as their own files name them, each with the file that does."""
    known = Catalogue(catalogue)
    found: dict[tuple[str, str], tuple[FileRecord, str]] = {}
    for record in records:
        entry = known.entry(record)
        if entry is None or not entry.projects or record.text is None:
            continue
        try:
            value = read_document(record.text.reveal(), entry.format, limits).value
        except BrokenError:
            continue  # the reading of the servers reports it
        for folder in _folders(value, entry):
            found.setdefault((record.home, folder), (record, folder))
    return list(found.values())[: limits.projects_max]


def _folders(value: Any, entry: ConfigPath) -> Iterator[str]:
    for place in entry.projects:
        for _, inner in at(value, place):
            names = cast("dict[str, Any]", inner) if isinstance(inner, dict) else [inner]
            yield from (folder for name in names if isinstance(name, str) and (folder := _folder(name)))


def _folder(name: str) -> str:
    """A path, or a `file:` URL as VS Code writes it; nothing for a folder on another machine."""
    if name.startswith("file:"):
        path = unquote(urlsplit(name).path)
        return path[1:] if path[2:3] == ":" else path
    return name if name.startswith("/") or name[1:3] in {":\\", ":/"} else ""


class _Reading:
    """One reading of all configurations."""

    def __init__(self, catalogue: Catalogue, key: Secret, digests: Mapping[str, str], limits: Limits) -> None:
        self.catalogue, self.key, self.digests, self.limits = catalogue, key, digests, limits
        self.gathering = Gathering()
        self.launches: dict[AssetId, Launch] = {}
        self.dotenv: dict[str, FileRecord] = {}
        self.wrapped: dict[str, WrappedFile] = {}
        self.named_files: list[NamedFile] = []
        self.local_programs: list[str] = []

    def read(self, record: FileRecord) -> None:
        """Read one file."""
        entry, spec = self.catalogue.entry(record), self.catalogue.clients.get(record.client)
        if entry is None or spec is None or not is_structured(entry.format) or entry.role in _NO_SERVERS:
            return
        if entry.role == "agent" and not entry.keys:
            return  # a definition without servers: the reading of the agents has it
        document = self._document(record, entry)
        if document is None:
            if record.client != UNKNOWN or record.role == "named":
                self.gathering.document(record, self.gathering.client(spec, record), _role(entry))
            return
        tables = [pair for key in entry.keys for pair in at(document.value, key)]
        if record.client == UNKNOWN:
            tables = [pair for pair in tables if _like_servers(pair[1])]
            if not tables:
                if record.role == "named":
                    place = Place(path=record.path)
                    self.gathering.look("configuration", Outcome.FAILED, "no servers in a form that is known", place)
                return
        name = _application(record.path) if record.client == UNKNOWN else ""
        client = self.gathering.client(spec, record, name)
        stored = self.gathering.document(record, client, _role(entry))
        off = _names_off(document.value, entry)
        sights = [
            Sighting(entry=one, record=record, spec=spec, client=client, stored=stored, document=document)
            for path, table in tables
            for one in self._entries(record, document, spec, off=off, path=path, table=table)
        ]
        for sight in sights[: self.limits.config_servers_max]:
            self._take(sight)
        if len(sights) > self.limits.config_servers_max:
            self._look(record, f"more servers than config_servers_max ({self.limits.config_servers_max})")
        self._store(record, document, stored, frozenset(sight.entry.path for sight in sights))
        read_models(self.gathering, record, entry, document, client=client, key=self.key)

    def _document(self, record: FileRecord, entry: ConfigPath) -> Document | None:
        if record.text is None:
            outcome = Outcome.TRUNCATED if "larger than" in record.problem else Outcome.FAILED
            self.gathering.look("configuration", outcome, record.problem or "not read", Place(path=record.path))
            return None
        try:
            return read_document(record.text.reveal(), entry.format, self.limits)
        except BrokenError as error:
            place = Place(path=record.path, line=error.line, column=error.column)
            self.gathering.look("configuration", Outcome.FAILED, error.reason, place)
            return None

    def _look(self, record: FileRecord, reason: str) -> None:
        self.gathering.look("configuration", Outcome.TRUNCATED, reason, Place(path=record.path))

    def _entries(
        self, record: FileRecord, document: Document, spec: ClientSpec, *, off: _Off, path: Path, table: Any
    ) -> Iterator[Entry]:
        """The entries of one map or array of servers; what is none is told."""
        most = self.limits.config_servers_max
        for name, line in document.repeated(path)[:most] if isinstance(table, dict) else []:
            place = msgspec.structs.replace(document.place(record.path, (*path, name)), line=line)
            self._wrong(place, f"the server name {_short(name, self.key)} stands twice; the later one counts")
        if not isinstance(table, dict | list):
            if table is not None:
                self._wrong(document.place(record.path, path), "the servers are neither an object nor an array")
            return
        if len(table) > most:  # pyright: ignore[reportUnknownArgumentType]
            self._look(record, f"more servers than config_servers_max ({most})")
        for name, inner, here in islice(_members(table, path), most):
            if inner is None or (isinstance(inner, str | bool) and record.client == UNKNOWN):
                continue
            if not isinstance(inner, dict):
                self._wrong(document.place(record.path, here), "a server entry that is not an object")
                continue
            found = self._entry(record, spec, name, cast("dict[str, Any]", inner), here)
            for where, what in found.problems:
                part = "a server entry" if where == here else "part of a server entry"
                self._wrong(document.place(record.path, where), f"{part} {what}")
            if found.command or found.url or found.built_in:
                yield msgspec.structs.replace(found, enabled=False) if _is_off(off, name, path) else found

    def _entry(self, record: FileRecord, spec: ClientSpec, name: str, value: dict[str, Any], here: Path) -> Entry:
        """One entry; where it leads to the gateway because we made it so, as it was before."""
        file = self.wrapped.get(record.path)
        ours = (one for one in file.entries if one.name == name and is_ours(value, one)) if file else iter(())
        entry = next(ours, None)
        if file is None or entry is None:
            return read_entry(name, value, here, spec.fields)
        return msgspec.structs.replace(
            read_entry(name, restored_entry(value, entry), here, spec.fields),
            gateway=entry.id,
            moved=tuple((*here, *entry.inner, key) for key in entry.replaced),
            moved_to=file.kept_in,
        )

    def _wrong(self, place: Place, reason: str) -> None:
        self.gathering.look("configuration", Outcome.FAILED, reason, place)

    def _take(self, sight: Sighting) -> None:
        taken = take_server(self.gathering, sight, self.key, self.digests)
        if taken.launch is not None:
            known = self.launches.get(taken.server)
            if known is None or (sight.entry.enabled and not known.command and taken.launch.command):
                self.launches[taken.server] = taken.launch
        self.local_programs += [taken.local_program] if taken.local_program else []
        for path in taken.environment_files:
            self.named_files.append(NamedFile(path=path, home=sight.record.home))
            if (record := self.dotenv.get(path)) is not None:
                self._read_dotenv(record, sight, taken.server)

    def _read_dotenv(self, record: FileRecord, sight: Sighting, server: AssetId) -> None:
        if record.text is None:
            reason = record.problem or "not read"
            self.gathering.look("environment file", Outcome.FAILED, reason, Place(path=record.path), subject=server)
            return
        told = msgspec.structs.replace(record, client=sight.record.client)
        stored = self.gathering.document(told, sight.client, "settings", format="dotenv")
        found = in_dotenv(record.text.reveal(), record.path, self.key)
        self.gathering.credentials(found, (server, EdgeKind.HOLDS), (stored, EdgeKind.STORES))

    def _store(self, record: FileRecord, document: Document, stored: AssetId, without: frozenset[Path]) -> None:
        """Credentials that stand in the file outside of its servers."""
        found: list[tuple[Path, str]] = []
        for pair in texts(document.value, without=without):
            if len(found) >= self.limits.config_strings_max:
                self._look(record, f"more texts than config_strings_max ({self.limits.config_strings_max})")
                break
            found.append(pair)
        self.gathering.credentials(stored_in(document, record.path, found, self.key), (stored, EdgeKind.STORES))


def _role(entry: ConfigPath) -> str:
    return "agent" if entry.role == "agent" else "settings"


def _members(table: Any, path: Path) -> Iterator[tuple[str, Any, Path]]:
    """Name, value and path of each entry of a map, or of an array whose elements carry their names."""
    if isinstance(table, dict):
        yield from ((name, inner, (*path, name)) for name, inner in cast("dict[str, Any]", table).items())
        return
    for number, inner in enumerate(cast("list[Any]", table)):
        told = cast("dict[str, Any]", inner).get("name") if isinstance(inner, dict) else None
        yield (told if isinstance(told, str) else str(number)), inner, (*path, number)


def _names_off(value: Any, entry: ConfigPath) -> _Off:
    """Names that arrays say are off, by the one step that an array's place leaves open: that of a project."""
    found: _Off = {}
    for place in entry.disabled:
        open_at = place.split("/").index("*") if "*" in place else -1
        for where, names in at(value, place):
            here = found.setdefault((open_at, where[open_at] if open_at >= 0 else ""), set())
            here |= {name for name in as_array(names) if isinstance(name, str)}
    return found


def _is_off(off: _Off, name: str, path: Path) -> bool:
    steps: list[tuple[int, Step]] = [(-1, ""), *enumerate(path)]
    return any(name in off[step] for step in steps if step in off)


def _like_servers(table: Any) -> bool:
    """Whether a map looks like one of servers: some entry is an object that names a command or an address."""
    entries = list(_members(table, ())) if isinstance(table, dict | list) else []
    return any(
        isinstance(inner, dict) and any(isinstance(inner.get(word), str) for word in ("command", "url", "serverUrl"))  # pyright: ignore[reportUnknownMemberType]
        for _, inner, _ in entries
    )


_COMMON = frozenset({"", "user", "settings", "config", ".config", "globalstorage", "mcp", "application support"})


def _application(path: str) -> str:
    """The folder that says whose file this is."""
    folders = path.split("/")[:-1]
    return next((one for one in reversed(folders) if one.lower() not in _COMMON), path.rpartition("/")[2]).lstrip(".")


def _short(name: str, key: Secret) -> str:
    return redact_text(name[:100], Place(), key).text
