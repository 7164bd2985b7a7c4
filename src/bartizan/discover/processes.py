"""Running processes to MCP servers: joined with a client, or listening, and saying by name or code what they are.

No single sign is enough. Shells, editors, language servers and database workers are joined with their parents too, and
not every program called after MCP serves it.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bartizan.discover.channels import Channel, ProcessTable
from bartizan.discover.credentials import redact_command, redact_mapping
from bartizan.discover.identify import asset_id, process_keys
from bartizan.discover.launched import (
    SHELLS,
    Chain,
    chain_of,
    is_gateway,
    is_server_name,
    packages_of,
    program_names,
    words_of,
)
from bartizan.discover.packages import PackageRef
from bartizan.model.asset import Asset, AssetId, AssetKind, Basis, Confidence, Edge, EdgeKind
from bartizan.model.credential import FoundCredential
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.record import ProcessRecord
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.text.redaction import redact_text

SEEN_BY = "processes"
THRESHOLD = 0.6
# What each sign is worth.
WEIGHTS = {
    "pipes": 0.35,
    "unix_socket": 0.35,
    "listening": 0.25,
    "parent_is_client": 0.2,
    "named_mcp": 0.35,
    "mcp_sdk": 0.4,
    "configured": 0.7,
    "runner": 0.04,
    "credentials_given": 0.1,
}


class _Sight(msgspec.Struct, frozen=True, kw_only=True):
    """A chain of processes judged: its signs, their sum, and the keys and shown command of its server."""

    chain: Chain
    channel: Channel | None
    package: PackageRef
    signals: tuple[str, ...]
    score: float
    keys: tuple[str, ...]
    command: tuple[str, ...]
    credentials: tuple[FoundCredential, ...]
    gateway: bool

    @property
    def process(self) -> ProcessRecord:
        return self.chain.server

    @property
    def server(self) -> AssetId:
        return asset_id("server", self.keys[0])

    @property
    def instance(self) -> AssetId:
        return asset_id("instance", _started(self.process))

    def all_credentials(self, key: Secret) -> tuple[FoundCredential, ...]:
        """Those of the command lines, and those of the environment."""
        values = {name: value.reveal() for name, value in self.process.environment.items()}
        _, found = redact_mapping(values, Place(pid=self.process.pid), key)
        return (*self.credentials, *found)


def read_processes(
    records: Sequence[ProcessRecord],
    *,
    client_programs: Mapping[str, str],
    key: Secret,
    at: datetime,
    configured: Collection[str] = (),
    users: Mapping[int, str] | None = None,
    host: AssetId = "",
) -> Observation:
    """The servers and clients that run, with the credentials that servers hold.

    `client_programs` gives the client id of the catalogue by program name, lower case. `configured` holds the keys of
    servers known from configurations: a joined process that has one is that server, whatever it is called. `users`
    gives names by uid. `host` is the asset that runs them; without it no such edges are drawn.
    """
    table = ProcessTable(records)
    clients = {pid: client for pid, record in table.by_pid.items() if (client := _client(record, client_programs))}
    known = frozenset(configured)
    sights = [
        sight
        for chain in _chains(table, clients)
        if (sight := _judge(chain, table, clients, key, known)).score >= THRESHOLD
    ]
    assets = [asset for sight in sights for asset in _assets(sight, key)]
    assets += [_client_asset(record, clients[record.pid], users or {}) for record in records if record.pid in clients]
    edges = [edge for sight in sights for edge in _edges(sight, key, host)]
    return Observation(seen_by=SEEN_BY, at=at, assets=tuple(_once(assets)), edges=tuple(edges))


def _client(record: ProcessRecord, client_programs: Mapping[str, str]) -> str:
    """The catalogue's id of a client; a client that was told to serve MCP itself is a server here."""
    if any(word in {"mcp", "mcp-server", "mcp-serve"} for word in words_of(record)[1:2]):
        return ""
    return next((client_programs[name] for name in sorted(program_names(record)) if name in client_programs), "")


def _chains(table: ProcessTable, clients: Mapping[int, str]) -> Iterator[Chain]:
    """One chain for each channel, from the process that the client started; and every process that listens."""
    taken: set[int] = set()
    for pid, channel in sorted(table.channels.items()):
        record = table.by_pid[pid]
        parent = table.by_pid.get(record.parent_pid)
        if pid in clients or pid in taken or (parent is not None and table.share(parent, record)):
            continue
        if channel.holder.pid in taken and is_gateway(channel.holder):
            continue
        chain = chain_of(record, table)
        taken.update(one.pid for one in chain.processes)
        yield chain
    for pid, record in sorted(table.by_pid.items()):
        if record.listening and pid not in taken and pid not in clients:
            yield Chain((record,))


# Joined with their parents by their nature, or listening, and never MCP servers under these names.
_OTHERS = SHELLS | frozenset(
    (
        "git ssh sshd scp sftp gpg gpg-agent ssh-agent tmux screen less more most man tail head cat tee grep rg sed "
        "awk vi vim nvim emacs nano code cursor tsserver gopls clangd jdtls rust-analyzer pyright-langserver pylsp "
        "mysqld mariadbd mongod redis-server nginx apache2 httpd php-fpm containerd dockerd "
        "postgres postmaster make ninja gcc cc ld cargo rustc go javac gradle mvn esbuild tsc webpack jest pytest "
        "gdb lldb debugpy chrome chromium firefox xdg-desktop-portal dbus-daemon systemd conmon containerd-shim "
        "containerd-shim-runc-v2"
    ).split()
)
_LANGUAGE_SERVER = re.compile(r".*(?:lang(?:uage)?[-_]?server|[-_.]lsp|lsp[-_.]).*")


def _judge(
    chain: Chain, table: ProcessTable, clients: Mapping[int, str], key: Secret, configured: frozenset[str]
) -> _Sight:
    first, found = _shown(chain.first, key)
    last, more = _shown(chain.server, key)
    packages = packages_of(chain, first, last)
    keys, possible = process_keys(first, packages, chain.first.directory)
    keys += tuple(one for one in possible if one in configured and one not in keys)
    channel = table.channels.get(chain.first.pid)
    signals = tuple(_signals(chain, channel, clients, known=bool(configured.intersection(keys))))
    return _Sight(
        chain=chain,
        channel=channel,
        package=_loaded(packages),
        signals=signals,
        score=_score(chain, signals),
        keys=keys,
        command=first,
        credentials=(*found, *(more if chain.first is not chain.server else ())),
        gateway=packages[0].gateway != "" or _under_gateway(chain, channel),
    )


def _shown(record: ProcessRecord, key: Secret) -> tuple[tuple[str, ...], tuple[FoundCredential, ...]]:
    """The command with secrets as marks. A process may write what it likes into its first word too."""
    place = Place(pid=record.pid)
    shown, found = redact_command(words_of(record), place, key)
    first = redact_text(shown[0], place, key) if shown else None
    return ((first.text, *shown[1:]), (*first.credentials, *found)) if first else (shown, found)


def _loaded(packages: Sequence[PackageRef]) -> PackageRef:
    """What runs: `npx name` may have started a program of that name that another package installed."""
    outer, inner = packages[0], packages[-1]
    if inner.ecosystem == outer.ecosystem and inner.name != outer.name and inner.path:
        return inner
    return outer


def _signals(chain: Chain, channel: Channel | None, clients: Mapping[int, str], *, known: bool) -> Iterator[str]:
    if channel is not None:
        yield channel.rule
        if channel.holder.pid in clients:
            yield "parent_is_client"
        if set(chain.server.environment) - set(channel.holder.environment_names) and not channel.holder.problem:
            yield "credentials_given"
    if chain.server.listening:
        yield "listening"
    if any(is_server_name(one) for one in chain.processes):
        yield "named_mcp"
    if chain.server.serves_mcp:
        yield "mcp_sdk"
    if known:
        yield "configured"
    if len(chain.processes) > 1 and not program_names(chain.first) & SHELLS:
        yield "runner"


def _score(chain: Chain, signals: Sequence[str]) -> float:
    """The sum, at most 1. Without a sign that tells MCP from all else, a port says nothing and other trades score 0."""
    if not {"named_mcp", "mcp_sdk", "configured"}.intersection(signals):
        names = program_names(chain.server)
        if names & _OTHERS or any(_LANGUAGE_SERVER.fullmatch(name) for name in names):
            return 0.0
        signals = [signal for signal in signals if signal != "listening"]
    return round(min(1.0, sum(WEIGHTS[signal] for signal in signals)), 2)


def _under_gateway(chain: Chain, channel: Channel | None) -> bool:
    return any(is_gateway(one) for one in (*chain.processes, *((channel.holder,) if channel else ())))


def _assets(sight: _Sight, key: Secret) -> Iterator[Asset]:
    place = Place(pid=sight.process.pid)
    package = _package_attributes(sight.package)
    name = sight.package.name or next(iter(sorted(program_names(sight.process))), "")
    yield Asset(
        id=sight.server,
        kind=AssetKind.SERVER,
        name=name,
        keys=sight.keys,
        attributes={
            "transport": (Transport.STDIO if sight.channel else Transport.STREAMABLE_HTTP).value,
            "command": list(sight.command),
            "directory": redact_text(sight.chain.first.directory, place, key).text,
            **({"package": package} if sight.package.ecosystem != "unknown" else {}),
            "configured": False,
            "remote": False,
            **({"behind_gateway": sight.gateway} if sight.channel else {}),
        },
        places=(place,),
        confidence=_confidence(sight.score),
    )
    yield Asset(
        id=sight.instance,
        kind=AssetKind.INSTANCE,
        name=name,
        keys=(_started(sight.process),),
        attributes=_instance_attributes(sight, key),
        places=(place,),
        confidence=_confidence(sight.score),
    )
    for credential in sight.all_credentials(key):
        yield credential.asset()


def _package_attributes(package: PackageRef) -> dict[str, Any]:
    told = {
        name: getattr(package, name) for name in ("ecosystem", "name", "version", "pinned", "runner", "purl", "path")
    }
    return {name: value for name, value in told.items() if value != ""}


def _confidence(score: float) -> Confidence:
    return Confidence.HIGH if score >= 0.8 else Confidence.MEDIUM


def _started(record: ProcessRecord) -> str:
    return f"pid:{record.pid}@{record.started:.2f}"


def _instance_attributes(sight: _Sight, key: Secret) -> dict[str, Any]:
    record = sight.process
    shown, _ = _shown(record, key)
    listening = [{"address": one.address, "port": one.port} for one in record.listening] if record.own_network else []
    return {
        "pid": record.pid,
        "parent": sight.channel.holder.pid if sight.channel else record.parent_pid,
        "started": datetime.fromtimestamp(record.started, UTC).isoformat(),
        "command": list(shown),
        "user_id": record.uid,
        "score": sight.score,
        "signals": list(sight.signals),
        "environment_names": sorted(record.environment),
        **({"listening": listening} if listening else {}),
        **({"container": record.container} if record.container else {}),
    }


def _edges(sight: _Sight, key: Secret, host: AssetId) -> Iterator[Edge]:
    yield Edge(source=sight.server, target=sight.instance, kind=EdgeKind.INSTANCE_OF, basis=Basis.OBSERVED)
    if host:
        yield Edge(source=host, target=sight.instance, kind=EdgeKind.RUNS, basis=Basis.OBSERVED)
    for credential in dict.fromkeys(credential.asset().id for credential in sight.all_credentials(key)):
        yield Edge(source=sight.instance, target=credential, kind=EdgeKind.HOLDS, basis=Basis.OBSERVED)


def _client_asset(record: ProcessRecord, client: str, users: Mapping[int, str]) -> Asset:
    """A client that runs. Its key is that of its configuration in the home of the same user."""
    user = users.get(record.uid, str(record.uid))
    return Asset(
        id=asset_id("client", client, f"user {user}"),
        kind=AssetKind.CLIENT,
        name=client,
        keys=(f"client:{client}:{user}",),
        attributes={"client": client, "running": True},
        places=(Place(pid=record.pid),),
    )


def _once(assets: Sequence[Asset]) -> Iterator[Asset]:
    """Each asset once, with the places of all its sights."""
    found: dict[AssetId, Asset] = {}
    for asset in assets:
        known = found.setdefault(asset.id, asset)
        places = tuple(dict.fromkeys((*known.places, *asset.places)))
        keys = tuple(dict.fromkeys((*known.keys, *asset.keys)))
        found[asset.id] = msgspec.structs.replace(known, places=places, keys=keys)
    return iter(found.values())
