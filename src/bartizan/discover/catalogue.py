"""The catalogue of clients: loading `clients.yml`, and finding the entry that a file was read for."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import yaml

from bartizan.model.client import ClientSpec, ConfigPath, head_of
from bartizan.model.errors import ContentError, Place
from bartizan.model.json import as_object
from bartizan.model.record import FileRecord
from bartizan.model.yaml_mistakes import NOT_YAML, yaml_mistake

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNKNOWN = "unknown"  # the id of the entry whose patterns find files of clients that are not in the catalogue


def load_catalogue(files: Mapping[str, str]) -> tuple[ClientSpec, ...]:
    """Clients from the texts of catalogue files, by file name. Raises ContentError with every mistake and its line."""
    mistakes: list[tuple[Place, str]] = []
    clients: dict[str, ClientSpec] = {}
    for path, text in sorted(files.items()):
        for line, value in _entries(path, text, mistakes):
            try:
                client = msgspec.convert(value, ClientSpec)
            except msgspec.ValidationError as error:
                mistakes.append((Place(path=path, line=line), str(error)))
                continue
            mistakes += [(Place(path=path, line=line), f"{client.id}: {what}") for what in _mistakes(client)]
            if client.id in clients:
                mistakes.append((Place(path=path, line=line), f"{client.id} is in the catalogue already"))
            clients[client.id] = client
    if mistakes:
        raise ContentError(mistakes)
    return tuple(clients.values())


def _entries(path: str, text: str, mistakes: list[tuple[Place, str]]) -> list[tuple[int, object]]:
    """The values below `clients`, each with its line. Our own files, so the plain loader serves."""
    try:
        root: Any = yaml.compose(text, Loader=_LOADER)
        value: Any = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except NOT_YAML as error:
        mistakes.append(yaml_mistake(path, error))
        return []
    if not isinstance(as_object(value).get("clients"), list):
        mistakes.append((Place(path=path, line=1), "has no list named clients"))
        return []
    nodes: list[yaml.Node] = next(inner.value for name, inner in root.value if name.value == "clients")
    clients: list[object] = value["clients"]
    return [(node.start_mark.line + 1, one) for node, one in zip(nodes, clients, strict=True)]


def _mistakes(client: ClientSpec) -> list[str]:
    found = [f"{path.path} begins with no known folder" for path in client.paths if head_of(path.path) is None]
    patterns = [path.path for path in client.paths]
    found += [f"{pattern} stands twice" for pattern in sorted({one for one in patterns if patterns.count(one) > 1})]
    found += [f"{one.path} has the role servers and no keys" for one in client.paths if _keyless(one)]
    return found


def _keyless(path: ConfigPath) -> bool:
    return path.role == "servers" and not path.keys


class Catalogue:
    """The clients by id, and their path entries by pattern."""

    def __init__(self, clients: Sequence[ClientSpec]) -> None:
        self.clients = {client.id: client for client in clients}
        self._entries = {(client.id, entry.path): entry for client in clients for entry in client.paths}

    def entry(self, record: FileRecord) -> ConfigPath | None:
        """The path entry that a record was read for; None for a file that no entry names, such as a dotenv file."""
        return self._entries.get((record.client, record.pattern))


def _in_homes(records: Sequence[FileRecord]) -> list[FileRecord]:
    """Records with those of the machine, which no home holds, told for each home in which the client shows."""
    homes: dict[str, dict[str, str]] = {}
    for record in records:
        if record.home:
            homes.setdefault(record.client, {}).setdefault(record.home, record.user)
    return [
        msgspec.structs.replace(record, home=home, user=user)
        for record in records
        for home, user in ({record.home: record.user} if record.home else homes.get(record.client, {"": ""})).items()
    ]


def owned(records: Sequence[FileRecord], catalogue: Catalogue) -> list[FileRecord]:
    """Records without those by which a client that is not in use would claim a file that several clients share.

    `.mcp.json` and `AGENTS.md` are read by many clients. Such a file belongs to the clients that show in this home by
    a file of their own, and to the first of the catalogue where none does.
    """
    claims: dict[str, set[str]] = {}
    for record in records:
        claims.setdefault(record.path, set()).add(record.client)
    evident = {(record.home, record.client) for record in records if len(claims[record.path]) == 1}
    order = {client: number for number, client in enumerate(catalogue.clients)}
    kept: list[FileRecord] = []
    for record in _in_homes(records):
        rivals = claims[record.path]
        present = {client for client in rivals if (record.home, client) in evident}
        first = min(rivals, key=lambda client: order.get(client, len(order)))
        if record.client in (present or {first}):
            kept.append(record)
    return kept
