"""A configured server as an asset: what identifies it, what it loads, which credentials it is given."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from posixpath import normpath
from typing import Any

import msgspec

from bartizan.discover.choices import tool_choices
from bartizan.discover.credentials import (
    hides_code,
    redact_command,
    redact_mapping,
    redact_url,
)
from bartizan.discover.entries import Entry
from bartizan.discover.formats import Document, Step, pointer
from bartizan.discover.gather import Gathering
from bartizan.discover.identify import Identity, asset_id, identify_command, identify_url, is_loopback
from bartizan.discover.models import take_vector_store
from bartizan.discover.packages import PackageRef, package_of
from bartizan.discover.walk import stored_in, texts
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.client import ClientSpec
from bartizan.model.credential import FoundCredential
from bartizan.model.errors import Place
from bartizan.model.launch import Launch
from bartizan.model.record import FileRecord
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.text.redaction import redact_text


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One entry in one file of one client. `stored` is the file's asset."""

    entry: Entry
    record: FileRecord
    spec: ClientSpec
    client: AssetId
    stored: AssetId
    document: Document


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The server of an entry, and what is still to be read for it."""

    server: AssetId
    launch: Launch | None
    environment_files: tuple[str, ...] = ()
    local_program: str = ""


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its secrets as marks, and the credentials that stood in it."""

    command: tuple[str, ...]
    environment: dict[str, str]
    url: str
    headers: dict[str, str]
    directory: str
    credentials: tuple[FoundCredential, ...]


def take_server(gathering: Gathering, sight: Sighting, key: Secret, digests: Mapping[str, str]) -> Taken:
    """Put the server of one entry into the observation."""
    entry, record = sight.entry, sight.record
    command = _resolved([word.text for word in entry.command], record)
    shown = _show(sight, command, key)
    package = package_of(shown.command) if shown.command else None
    local = _local_path(package, entry, record)
    if package is not None and local and (entry.directory or record.workspace):
        package = msgspec.structs.replace(package, path=local)  # `node server.js` is another one in another folder
    identity = _identity(entry, shown, package)
    name = redact_text(entry.name, Place(), key).text
    server = gathering.asset(
        Asset(
            id=identity.id,
            kind=AssetKind.SERVER,
            name=name,
            keys=identity.keys,
            attributes=_attributes(entry, shown, package, digests.get(local, "")),
            places=(sight.document.place(record.path, entry.path),),
        )
    )
    configures = {"name": name, "enabled": entry.enabled, "scope": _scope(sight), "path": record.path}
    configures |= {"project": project} if (project := _project(sight)) else {}
    configures |= tool_choices(entry.rest, key)
    gathering.edge(sight.client, server, EdgeKind.CONFIGURES, configures)
    gathering.credentials(shown.credentials, (server, EdgeKind.HOLDS), (sight.stored, EdgeKind.STORES))
    _take_package(gathering, server, package, digests.get(local, ""))
    take_vector_store(gathering, server, package, shown.environment)
    return Taken(
        server=server,
        launch=None if entry.built_in else _launch(entry, record, command, shown),
        environment_files=tuple(_beside(path, entry, record) for path in entry.environment_files),
        local_program=local,
    )


_FOLDER_VARIABLE = re.compile(r"\$\{(workspaceFolder|workspaceRoot|userHome)\}")


def _resolved(words: Sequence[str], record: FileRecord) -> list[str]:
    """Words with the variables for the workspace and the home filled in, and `~/` before a program."""
    folders = {"workspaceFolder": record.workspace, "workspaceRoot": record.workspace, "userHome": record.home}
    filled = [_FOLDER_VARIABLE.sub(lambda match: folders[match[1]] or match[0], word) for word in words]
    if filled and filled[0].startswith("~/") and record.home:
        filled[0] = record.home + filled[0][1:]
    return filled


def _beside(path: str, entry: Entry, record: FileRecord) -> str:
    """A path that an entry names, from its working folder, its workspace or the home."""
    (path,) = _resolved([path], record)
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
        return path
    (folder,) = _resolved([entry.directory], record) if entry.directory else ("",)
    folder = folder or record.workspace or record.home or record.path.rpartition("/")[0]
    return normpath(f"{folder.rstrip('/')}/{path}")


def _show(sight: Sighting, command: Sequence[str], key: Secret) -> _Shown:
    entry, place = sight.entry, Place(path=sight.record.path)
    words = [word.path for word in entry.command]

    def stand(path: tuple[Step, ...]) -> Place:
        return msgspec.structs.replace(place, pointer=pointer(path))

    shown, found = redact_command(command, msgspec.structs.replace(place, pointer="/"), key)
    credentials = [_placed(one, words[int(one.place.pointer.rpartition("/")[2])], sight) for one in found]
    if shown:  # a program's name holds no secret, unless somebody wrote one there by mistake
        program = redact_url(shown[0], place, key)
        shown = (program.text, *shown[1:])
        credentials += [_placed(one, words[0], sight) for one in program.credentials]
    environment, found = redact_mapping(entry.environment, stand(entry.environment_path), key)
    credentials += [_at_name(one, entry.environment_path, entry.environment, sight) for one in found]
    headers, found = redact_mapping(entry.headers, stand(entry.headers_path), key)
    credentials += [_at_name(one, entry.headers_path, entry.headers, sight) for one in found]
    url = redact_url(entry.url, stand(entry.url_path), key)
    credentials += [_placed(one, entry.url_path, sight) for one in url.credentials]
    rest = list(texts(dict(entry.rest), entry.path))
    credentials += stored_in(sight.document, sight.record.path, rest, key)
    return _Shown(
        command=shown,
        environment=environment,
        url=url.text,
        headers=headers,
        directory=redact_text(entry.directory, place, key).text,
        credentials=tuple(credentials),
    )


def _placed(credential: FoundCredential, path: tuple[Step, ...], sight: Sighting) -> FoundCredential:
    place = sight.document.place(sight.record.path, path)
    if any(path[: len(moved)] == moved for moved in sight.entry.moved):
        place = Place(path=sight.entry.moved_to)
    return msgspec.structs.replace(credential, place=place)


def _at_name(
    credential: FoundCredential, path: tuple[Step, ...], values: Iterable[str], sight: Sighting
) -> FoundCredential:
    """The place of a named value. Its pointer tells which name it was."""
    name = next((one for one in values if pointer((*path, one)) == credential.place.pointer), None)
    return _placed(credential, path if name is None else (*path, name), sight)


def _identity(entry: Entry, shown: _Shown, package: PackageRef | None) -> Identity:
    if package is not None:
        return identify_command(shown.command, package)
    if shown.url:
        return identify_url(shown.url)
    return identify_command((f"builtin:{entry.name}",))


def _attributes(entry: Entry, shown: _Shown, package: PackageRef | None, sha256: str) -> dict[str, Any]:
    url = shown.url or (package.url if package else "")
    told: dict[str, Any] = {
        "transport": _spoken(entry, package).value,
        "command": list(shown.command),
        "url": url,
        "directory": shown.directory,
        "environment": shown.environment,
        "headers": shown.headers,
        "package": _package_attributes(package, sha256) if package and package.ecosystem != "unknown" else {},
        "built_in": entry.built_in,
    }
    attributes = {name: value for name, value in told.items() if value}
    return attributes | {
        "enabled": entry.enabled,
        "configured": True,
        "behind_gateway": bool(entry.gateway or (package and package.gateway)),
        "remote": bool(url) and not _local_url(url),
    }


def _spoken(entry: Entry, package: PackageRef | None) -> Transport:
    """How the server itself is spoken to: a bridge such as `mcp-remote` hides a server on the network."""
    if package is None or not package.url:
        return entry.transport
    return Transport.SSE if package.url.partition("?")[0].rstrip("/").endswith("/sse") else Transport.STREAMABLE_HTTP


def _local_url(url: str) -> bool:
    match = re.match(r"[a-z+]+://(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]*)", url, re.IGNORECASE)
    return bool(match) and is_loopback(match[1])


def _package_attributes(package: PackageRef, sha256: str) -> dict[str, Any]:
    told = {
        "ecosystem": package.ecosystem,
        "name": package.name,
        "version": package.version,
        "pinned": package.pinned,
        "runner": package.runner,
        "purl": package.purl,
        "path": package.path,
        "sha256": sha256,
    }
    return {name: value for name, value in told.items() if value != ""}


def _take_package(gathering: Gathering, server: AssetId, package: PackageRef | None, sha256: str) -> None:
    if package is None or package.ecosystem == "unknown":
        return
    subject = package.purl or f"{package.ecosystem}:{package.path or package.name}"
    attributes = _package_attributes(package, sha256)
    identity = gathering.asset(
        Asset(
            id=asset_id("package", subject),
            kind=AssetKind.PACKAGE,
            name=package.name,
            keys=(f"package:{subject}",),
            attributes={name: value for name, value in attributes.items() if name not in {"name", "runner"}},
        )
    )
    gathering.edge(server, identity, EdgeKind.LOADS)


def _local_path(package: PackageRef | None, entry: Entry, record: FileRecord) -> str:
    if package is None or package.ecosystem != "local" or not package.path or "‹" in package.path:
        return ""
    return _beside(package.path, entry, record)


def _scope(sight: Sighting) -> str:
    known = next((one.scope for one in sight.spec.paths if one.path == sight.record.pattern), "user")
    return "project" if known == "user" and "projects" in sight.entry.path[:1] else known


def _project(sight: Sighting) -> str:
    """The folder for whose work alone the entry counts; empty for one that is there always."""
    if sight.entry.path[:1] == ("projects",) and len(sight.entry.path) > 1:
        return str(sight.entry.path[1])
    return sight.record.workspace if _scope(sight) == "project" else ""


_BRIDGE_HEADER = re.compile(r"([A-Za-z0-9\-]+):\s*(.+)", re.DOTALL)


def _launch(entry: Entry, record: FileRecord, command: Sequence[str], shown: _Shown) -> Launch:
    """How the client would start or reach it; the server itself where the gateway or a bridge stands in front."""
    bare = list(command)
    if bare and package_of(bare).gateway and "--" in bare:
        bare = bare[bare.index("--") + 1 :]
        shown = msgspec.structs.replace(shown, command=shown.command[len(command) - len(bare) :])
    bridged = package_of(bare).url if bare else ""
    if bridged:
        pairs = (bare[i + 1] for i, word in enumerate(bare[:-1]) if word == "--header")
        headers = {match[1]: match[2] for pair in pairs if (match := _BRIDGE_HEADER.fullmatch(pair))}
        return Launch(
            transport=_spoken(entry, package_of(bare)),
            url=Secret(bridged),
            headers={name: Secret(value) for name, value in headers.items()},
            shown=package_of(shown.command).url,
        )
    directory = _resolved([entry.directory], record)[0] if entry.directory else record.workspace
    return Launch(
        transport=entry.transport,
        command=tuple(Secret(word) for word in bare),
        environment={name: Secret(value) for name, value in entry.environment.items()},
        directory=directory or None,
        url=Secret(entry.url) if entry.url and not bare else None,
        headers={name: Secret(value) for name, value in entry.headers.items()},
        shown=" ".join(_quoted(word) for word in shown.command) or shown.url,
        opaque=tuple(
            number
            for number, (word, marked) in enumerate(zip(bare, shown.command, strict=True))
            if hides_code(word, marked)
        ),
    )


def _quoted(word: str) -> str:
    """A word as a person can tell where it ends."""
    return word if word and not re.search(r"[\s\"'\\]", word) else "'" + word.replace("'", "'\"'\"'") + "'"
