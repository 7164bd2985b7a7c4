"""From a finding to its ticket: the files that it is about, read as the scan read them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from bartizan.app.change import FileNow, read_now
from bartizan.app.undo import Record
from bartizan.assess.fixes.ticket import Path, Sight, Spot, Ticket
from bartizan.discover.credentials import redact_command, redact_url, redact_value
from bartizan.discover.edit import value_at
from bartizan.discover.entries import Entry, read_entry
from bartizan.discover.formats import BrokenError, read_document
from bartizan.model.asset import Asset, AssetKind, EdgeKind
from bartizan.model.client import ClientSpec, Format
from bartizan.model.errors import Place, UsageError
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.secret import Secret, fingerprint
from bartizan.text.redaction import redact_text

_FORMATS: dict[str, Format] = {"toml": "toml", "yaml": "yaml", "yml": "yaml", "md": "markdown", "mdc": "markdown"}
_MARK = re.compile(r"‹[^‹›]{1,200}›")


def format_of(path: str) -> Format:
    """The format of a configuration by the end of its name; JSON with comments where that says nothing."""
    return _FORMATS.get(path.rpartition(".")[2].lower(), "jsonc")


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a ticket: its bytes and mode now, and what it says. `mended`: we changed it since the scan."""

    now: FileNow
    form: Format
    value: Any
    mended: bool = False


class Desk:
    """Opens the files of one finding, each once, and refuses those that changed since the scan."""

    def __init__(
        self, inventory: Inventory, catalogue: Sequence[ClientSpec], key: Secret, applied: Sequence[Record]
    ) -> None:
        self._inventory, self.key = inventory, key
        self._applied = applied
        self._clients = {client.id: client for client in catalogue}
        self.opened: dict[str, Opened] = {}

    def ticket(self, finding: Finding, *, version: str, variable: str, servers: bool, secrets: bool) -> Ticket:
        """The ticket of a finding. Raises UsageError for a file that cannot be read, or changed since the scan."""
        server = self._server(finding)
        sights = tuple(self._sights(server)) if server is not None and servers else ()
        return Ticket(
            finding=finding,
            inventory=self._inventory,
            server=server,
            sights=sights,
            spots=tuple(self._spots(finding)) if secrets else (),
            version=version,
            variable=variable,
        )

    def open(self, path: str) -> Opened:
        """A file, as it was when it was scanned."""
        if path not in self.opened:
            now = read_now(path)
            known = {one.attributes.get("sha256") for one in self._documents(path)}
            mended = now.sha256 not in known
            if known and mended and now.sha256 not in self._ours(path, known):
                raise UsageError(
                    "the file changed since the scan", where=Place(path=path), remedy="run `bartizan scan` again"
                )
            form = format_of(path)
            self.opened[path] = Opened(
                now=now, form=form, value={} if self.is_dotenv(path) else _value(now, form), mended=mended
            )
        return self.opened[path]

    def is_known(self, path: str) -> bool:
        """Whether the scan read a file as one that a client reads."""
        return bool(self._documents(path))

    def is_dotenv(self, path: str) -> bool:
        """Whether a file is one of variables, not of servers."""
        return any(one.attributes.get("format") == "dotenv" for one in self._documents(path))

    def _ours(self, path: str, known: set[Any]) -> set[Any]:
        """What our own mends, and nobody else, made of the file that was scanned."""
        ours = [kept for record in self._applied for kept in record.files if kept.path == path]
        made = set(known)
        for _ in ours:  # each round may open the way for one that was applied later, whatever the order they come in
            made |= {kept.after_sha256 for kept in ours if kept.before_sha256 in made}
        return made

    def credentials_in(self, path: str) -> Iterator[tuple[Asset, Path]]:
        """The credentials that the scan saw in a file, each with where."""
        for credential in self._inventory.of_kind(AssetKind.CREDENTIAL):
            for place in credential.places:
                if place.path == path and (found := self._steps(path, place.pointer)) is not None:
                    yield credential, found

    def _steps(self, path: str, where: str) -> Path | None:
        """The steps of a pointer; None for what a mend of ours has taken out since the scan. Raises UsageError."""
        opened = self.open(path)
        try:
            return steps(opened.value, where)
        except UsageError:
            if opened.mended:
                return None
            raise

    def secret_in(self, credential: Asset, path: Path, value: Any) -> tuple[int, int] | None:
        """Where in the text at a path the credential stands."""
        told = value_at(value, path)
        text = str(told) if isinstance(told, int | float) else told  # a number is a text to the client
        if not isinstance(text, str):
            return None
        wanted = credential.attributes.get("fingerprint")
        return next(
            (
                (start, end)
                for start, end in _candidates(text, path, value, self.key)
                if fingerprint(Secret(text[start:end]), self.key) == wanted
            ),
            None,
        )

    def _server(self, finding: Finding) -> Asset | None:
        """The server that a finding is about: itself, that of its tool, or that of its process."""
        assets = self._inventory.by_id()
        subject = assets.get(finding.subject)
        if subject is None or subject.kind is AssetKind.SERVER:
            return subject
        kinds = {EdgeKind.INSTANCE_OF, EdgeKind.EXPOSES}
        edges = (edge for edge in self._inventory.edges if edge.kind in kinds and edge.target == subject.id)
        return next((assets[edge.source] for edge in edges if edge.source in assets), None)

    def _sights(self, server: Asset) -> Iterator[Sight]:
        for place in server.places:
            if place.path and place.pointer:
                opened = self.open(place.path)
                readers = self._readers(place.path)
                path = steps(opened.value, place.pointer)
                if opened.mended and any(isinstance(step, int) for step in path):
                    raise UsageError(
                        "the file was mended since the scan, and its entries are told by their number",
                        where=Place(path=place.path),
                        remedy="run `bartizan scan` again",
                    )
                yield _sight(place.path, readers, opened.value, path, _named(server, place, self._inventory))

    def _spots(self, finding: Finding) -> Iterator[Spot]:
        file = finding.place.path if finding.place else ""
        for credential, path in self.credentials_in(file) if file else ():
            span = self.secret_in(credential, path, self.open(file).value) if credential.id == finding.subject else None
            if span is None:
                continue
            readers, value = self._readers(file), self.open(file).value
            sight = self._around(file, readers, path)
            yield Spot(
                file=file,
                readers=readers,
                path=path,
                value=str(value_at(value, path)),
                start=span[0],
                end=span[1],
                field=_field(sight, path, readers, value) if sight else "",
                name=credential.name,
                kind=str(credential.attributes.get("kind", "generic")),
                sight=sight,
            )

    def _around(self, file: str, readers: tuple[ClientSpec, ...], path: Path) -> Sight | None:
        """The server's entry that holds a path."""
        value = self.open(file).value
        for server in self._inventory.of_kind(AssetKind.SERVER):
            for place in server.places:
                if (
                    place.path == file
                    and place.pointer
                    and path[: len(steps(value, place.pointer))] == steps(value, place.pointer)
                ):
                    entry = steps(value, place.pointer)
                    return _sight(file, readers, value, entry, _named(server, place, self._inventory))
        return None

    def _documents(self, path: str) -> list[Asset]:
        return [
            one
            for one in self._inventory.of_kind(AssetKind.DOCUMENT)
            if any(place.path == path for place in one.places)
        ]

    def _readers(self, path: str) -> tuple[ClientSpec, ...]:
        """The clients that read a file."""
        documents = {one.id for one in self._documents(path)}
        assets = self._inventory.by_id()
        sources = [e.source for e in self._inventory.edges if e.kind is EdgeKind.READS and e.target in documents]
        names = [str(assets[one].attributes.get("client")) for one in sources if one in assets]
        return tuple(self._clients[name] for name in dict.fromkeys(names) if name in self._clients)


def steps(value: Any, where: str) -> Path:
    """A JSON Pointer as the steps of a document. Raises UsageError where nothing stands there any more."""
    found: list[str | int] = []
    try:
        for part in where.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            step = int(name) if isinstance(value, list) else name
            value = value_at(value, (step,))
            found.append(step)
    except (KeyError, IndexError, ValueError):
        raise UsageError("nothing stands any more where the scan saw it", remedy="run `bartizan scan` again") from None
    return tuple(found)


def _value(now: FileNow, form: Format) -> Any:
    try:
        return read_document(now.text.reveal(), form).value
    except BrokenError as error:
        raise UsageError(error.reason, where=Place(path=now.path, line=error.line)) from None


def _named(server: Asset, place: Place, inventory: Inventory) -> str:
    """The name that a client gives the server there."""
    edges = (edge for edge in inventory.edges if edge.kind is EdgeKind.CONFIGURES and edge.target == server.id)
    names = [str(edge.attributes.get("name", "")) for edge in edges if edge.attributes.get("path") == place.path]
    last = place.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    return last if last in names else next(iter(names), last)


def _entry(value: Any, path: Path, readers: tuple[ClientSpec, ...], name: str) -> Entry:
    inner = value_at(value, path)
    if not isinstance(inner, dict):
        raise UsageError("the server's entry is no object any more", remedy="run `bartizan scan` again")
    return read_entry(name, cast("dict[str, Any]", inner), path, readers[0].fields if readers else {})


def _sight(file: str, readers: tuple[ClientSpec, ...], value: Any, path: Path, name: str) -> Sight:
    entry = _entry(value, path, readers, name)
    return Sight(
        file=file,
        readers=readers,
        document=value,
        name=name,
        path=path,
        words=[(word.text, word.path) for word in entry.command],
        environment=entry.environment,
        environment_path=entry.environment_path,
    )


def _field(sight: Sight, path: Path, readers: tuple[ClientSpec, ...], value: Any) -> str:
    entry = _entry(value, sight.path, readers, sight.name)
    if path[:-1] == entry.environment_path and entry.environment:
        return "env"
    if path[:-1] == entry.headers_path and entry.headers:
        return "headers"
    if path == entry.url_path and entry.url:
        return "url"
    return "args" if any(word.path == path for word in entry.command) else ""


def _candidates(text: str, path: Path, value: Any, key: Secret) -> Iterator[tuple[int, int]]:
    """Spans that could be the secret of a text, by the same readings that found it."""
    name, place = str(path[-1]), Place()
    shown = [redact_value(name, text, place, key).text, redact_url(text, place, key).text]
    shown.append(redact_text(text, place, key).text)
    around = value_at(value, path[:-1])
    if isinstance(around, list):
        before = [str(one) for one in around[: int(path[-1])][-1:]]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        shown.append(redact_command(["", *before, text], place, key)[0][-1])
    for one in shown:
        yield from _spans(one, text)
    yield 0, len(text)


def _spans(shown: str, text: str) -> Iterator[tuple[int, int]]:
    """The parts of a text for which marks stand in the shown one."""
    at, pieces = 0, _MARK.split(shown)
    if len(pieces) < 2 or not text.startswith(pieces[0]) or not text.endswith(pieces[-1]):
        return
    at = len(pieces[0])
    for number, piece in enumerate(pieces[1:], 1):
        last = number == len(pieces) - 1
        end = len(text) - len(piece) if last else text.find(piece, at)
        if end < at:
            return
        yield at, end
        at = end + len(piece)
