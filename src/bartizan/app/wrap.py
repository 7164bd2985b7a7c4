"""`wrap` and `unwrap`: the servers of clients' configurations go through the gateway, and come back byte for byte."""

import http.client
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bartizan.app.change import FileNow, read_now, replace, sha256
from bartizan.app.config import Config
from bartizan.app.connect import DEFAULT_GATEWAY, gateway_url
from bartizan.app.gather import Scope
from bartizan.app.home import state_folder
from bartizan.app.parts import Parts
from bartizan.app.wrapped import WrappedShelf
from bartizan.discover.catalogue import Catalogue, owned
from bartizan.discover.credentials import redact_command, redact_url
from bartizan.discover.edit import EditError
from bartizan.discover.formats import BrokenError, read_document
from bartizan.discover.wrap import Found, Wrapped, entries_of, gateway_id, restored, undone, wrap_text
from bartizan.discover.wrap import Place as Gateway
from bartizan.model.client import ClientSpec, ConfigPath
from bartizan.model.errors import Place, UsageError
from bartizan.model.record import FileRecord
from bartizan.model.secret import Secret
from bartizan.model.wrapped import WrappedEntry, WrappedFile
from bartizan.text.normalise import show

_ROLES = frozenset({"servers", "settings", "agent", "unknown", "named"})
_HEALTH_SECONDS = 1.0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One server of one file, as it may be shown. `left` says why it stays as it is."""

    path: str
    client: str
    name: str
    id: str = ""
    was: str = ""
    left: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of one configuration. `record` is None where nothing of it is behind the gateway then."""

    now: FileNow
    text: Secret
    record: WrappedFile | None
    rows: tuple[Row, ...]

    @property
    def changes(self) -> bool:
        """Whether the file itself changes."""
        return self.text != self.now.text


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, before anything is written."""

    steps: tuple[Step, ...]
    left: tuple[Row, ...]

    @property
    def changes(self) -> int:
        """How many files change."""
        return sum(step.changes for step in self.steps)


def gateway_of(url: str, program: str = "") -> Gateway:
    """The gateway as entries name it; `connect` by the whole path of this program, for clients have their own PATH.

    Raises UsageError where that is not known.
    """
    program = program or _program()
    more = () if url.rstrip("/") == DEFAULT_GATEWAY else ("--gateway", url.rstrip("/"))
    return Gateway(url=url, connect=(program, "connect", "{}", *more))


def gateway_address(config: Config) -> str:
    """The gateway of the configuration as clients of this machine reach it."""
    gateway = config.gateway
    if gateway is None:
        return DEFAULT_GATEWAY
    return gateway.identity.resource or gateway_url(gateway.listen, secure=gateway.tls is not None)


def gateway_answers(url: str) -> bool:
    """Whether a gateway runs there."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def plan_wrap(
    parts: Parts,
    gateway: Gateway,
    *,
    home: Path,
    clients: Sequence[str] = (),
    projects: bool = False,
    reserved: Sequence[str] = (),
    state: Path | None = None,
) -> Plan:
    """What `wrap` would do. Raises UsageError for a client that is not known.

    `projects`: also files inside of projects, which others may share. `reserved` are ids that the gateway has already.
    """
    catalogue = Catalogue(parts.catalogue)
    naming = _Naming({one.path: one for one in WrappedShelf(state or state_folder()).all()}, reserved)
    steps: list[Step] = []
    left: list[Row] = []
    for path, readers in _configurations(parts, catalogue, home, clients).items():
        record, spec, config = readers[0]
        if config.scope == "managed" or (config.scope == "project" and not projects):
            why = "is managed by an administrator" if config.scope == "managed" else "lies in a project: --projects"
            left += [_left(path, spec, one.entry.name, why) for one in _peek(record, spec, config)]
            continue
        try:
            steps.append(_wrapped(path, readers, naming, gateway, parts.key))
        except (UsageError, EditError, BrokenError) as error:
            left += [_left(path, spec, one.entry.name, _told(error)) for one in _peek(record, spec, config)]
    return Plan(steps=tuple(steps), left=tuple(left))


def plan_unwrap(
    parts: Parts, *, home: Path | None = None, clients: Sequence[str] = (), state: Path | None = None
) -> Plan:
    """What `unwrap` would do: everything back, or what these clients have, or what lies below a home."""
    _check_names(parts, clients)
    steps: list[Step] = []
    left: list[Row] = []
    for record in WrappedShelf(state or state_folder()).all():
        asked = not clients or any(entry.client in clients for entry in record.entries)
        if not asked or (home is not None and not Path(record.path).is_relative_to(home)):
            continue
        rows = tuple(_row(record.path, entry) for entry in record.entries)
        try:
            now = read_now(record.path)
            steps.append(Step(now=now, text=Secret(_base(now, record)), record=None, rows=rows))
        except (UsageError, EditError) as error:
            left += [msgspec.structs.replace(row, left=_told(error)) for row in rows]
    return Plan(steps=tuple(steps), left=tuple(left))


def carry_out(plan: Plan, *, state: Path | None = None) -> tuple[Plan, tuple[Row, ...]]:
    """Write it, file by file, each whole or not at all; what was done, and what could not be, with why."""
    shelf = WrappedShelf(state or state_folder())
    done: list[Step] = []
    failed: list[Row] = []
    for step in plan.steps:
        try:
            if step.record is not None and step.record.entries:
                shelf.keep(step.record)  # first the way back
            if step.changes:
                replace(step.now, step.text)
            if step.record is None or not step.record.entries:
                shelf.drop(step.now.path)
            done.append(step)
        except UsageError as error:
            failed += [msgspec.structs.replace(row, left=_told(error)) for row in step.rows]
    return Plan(steps=tuple(done), left=plan.left), tuple(failed)


class _Naming:
    """Ids: the one that an entry has already, else its name, else with the client's, else with a number."""

    def __init__(self, known: Mapping[str, WrappedFile], reserved: Sequence[str]) -> None:
        self.known = known
        self._taken = {*reserved, *(entry.id for file in known.values() for entry in file.entries)}

    def give(self, path: str, found: Sequence[Found], spec: ClientSpec) -> dict[tuple[str | int, ...], str]:
        file = self.known.get(path)
        had = {entry.path: entry.id for entry in file.entries} if file else {}
        given: dict[tuple[str | int, ...], str] = {}
        for one in found:
            if one.left:
                continue
            where = one.entry.path
            given[where] = had.get(where) or next(self._free(one.entry.name, spec.id))
            self._taken.add(given[where])
        return given

    def _free(self, name: str, client: str) -> Iterator[str]:
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "server"
        names = (plain, f"{plain}-{client}"[:56], *(f"{plain}-{number}" for number in range(2, 100_000)))
        return (one for one in names if one not in self._taken)


_Reader = tuple[FileRecord, ClientSpec, ConfigPath]


def _configurations(parts: Parts, catalogue: Catalogue, home: Path, clients: Sequence[str]) -> dict[str, list[_Reader]]:
    """The files below a home in which clients name servers, each with who reads it."""
    _check_names(parts, clients)
    collected = parts.files(Scope(homes=(str(home.absolute()),))).collect()
    found: dict[str, list[_Reader]] = {}
    for record in owned([one for one in collected.records if one.role != "dotenv"], catalogue):
        config, spec = catalogue.entry(record), catalogue.clients.get(record.client)
        wanted = not clients or record.client in clients
        if config is not None and spec is not None and config.keys and config.role in _ROLES and wanted:
            found.setdefault(record.path, []).append((record, spec, config))
    return found


def _check_names(parts: Parts, clients: Sequence[str]) -> None:
    known = {one.id for one in parts.catalogue}
    if unknown := [name for name in clients if name not in known]:
        raise UsageError(f"no client {show(unknown[0])}", remedy=f"one of {', '.join(sorted(known))}")


def _peek(record: FileRecord, spec: ClientSpec, config: ConfigPath) -> list[Found]:
    """The entries of a file that is left, to name them."""
    try:
        document = read_document(record.text.reveal() if record.text else "{}", config.format)
    except BrokenError:
        return []
    return [one for one in entries_of(document.value, spec, config) if not gateway_id(one.entry)]


def _wrapped(path: str, readers: Sequence[_Reader], naming: "_Naming", gateway: Gateway, key: Secret) -> Step:
    """One file, from its text without the gateway: so a second time changes nothing, and a new address is taken."""
    now, known = read_now(path), naming.known.get(path)
    record, _, first = readers[0]
    before = text = _base(now, known) if known else now.text.reveal()
    done: list[Wrapped] = []
    rows: list[Row] = []
    for _, spec, config in readers:
        found = entries_of(read_document(text, config.format).value, spec, config)
        ids = naming.give(path, [one for one in found if not gateway_id(one.entry)], spec)
        was = {one.entry.path: _was(one, key) for one in found}
        made = wrap_text(text, (config.format, spec), found, ids, gateway)
        text = made.text
        done.append(made)
        rows += [msgspec.structs.replace(_row(path, one), was=was[one.path]) for one in made.entries]
        rows += [_left(path, spec, name, why) for name, why in made.left]
    hunks = tuple(hunk for one in done for hunk in one.hunks)
    if undone(text, hunks) != before:
        raise EditError("the way back would not be exact")
    wrapped = WrappedFile(
        path=path,
        form=first.format,
        before_sha256=sha256(before.encode()),
        after_sha256=sha256(text.encode()),
        hunks=hunks,
        entries=tuple(entry for one in done for entry in one.entries),
        workspace=record.workspace,
        home=record.home,
    )
    return Step(now=now, text=Secret(text), record=wrapped, rows=tuple(rows))


def _base(now: FileNow, known: WrappedFile) -> str:
    """The text without the gateway: what it was, or, where the file changed since, with our entries put back."""
    if now.sha256 == known.before_sha256:
        return now.text.reveal()
    if now.sha256 == known.after_sha256:
        text = undone(now.text.reveal(), known.hunks)
        if sha256(text.encode()) == known.before_sha256:
            return text
        raise UsageError("the record of `wrap` was changed", where=Place(path=known.kept_in))
    return restored(now.text.reveal(), known.form, known.entries)


def _was(found: Found, key: Secret) -> str:
    """What an entry led to, without its secrets."""
    if found.entry.url:
        return redact_url(found.entry.url, Place(), key).text
    return " ".join(redact_command([word.text for word in found.entry.command], Place(), key)[0])


def _row(path: str, entry: WrappedEntry) -> Row:
    return Row(path=path, client=entry.client, name=entry.name, id=entry.id)


def _left(path: str, spec: ClientSpec, name: str, why: str) -> Row:
    return Row(path=path, client=spec.id, name=name, left=why)


def _told(error: Exception) -> str:
    if isinstance(error, UsageError):
        return error.what
    return error.reason if isinstance(error, BrokenError) else f"the file cannot be edited safely ({error})"


def _program() -> str:
    """The whole path of the program that runs."""
    here = Path(sys.argv[0])
    found = str(here.absolute()) if here.name == "bartizan" and here.exists() else shutil.which("bartizan")
    if not found:
        raise UsageError("where the program `bartizan` lies is not known", remedy="put it on PATH")
    return found
