"""Gathering: every collector of a scope, and what its records mean."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from bartizan.app.home import state_folder
from bartizan.app.parts import Parts
from bartizan.app.probing import Progress
from bartizan.app.targets import Targets
from bartizan.app.wrapped import WrappedShelf
from bartizan.discover.agents import read_agents
from bartizan.discover.backends import read_backends
from bartizan.discover.clients import read_clients
from bartizan.discover.copies import wanted_packages
from bartizan.discover.credentials import redact_url
from bartizan.discover.identify import asset_id
from bartizan.discover.logs import read_logs, secret_finder, working_folders
from bartizan.discover.named import read_packages
from bartizan.discover.network import read_endpoints
from bartizan.discover.processes import read_processes
from bartizan.model.asset import Asset, AssetId, AssetKind
from bartizan.model.coverage import Look
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.launch import Launch
from bartizan.model.record import EndpointRecord, PackageRecord
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.ports import Host


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan looks at.

    `machine`: the homes of this machine that this user may read. `processes`: those of this machine. `homes` are
    folders to read as homes. `public` permits addresses of the internet.
    """

    name: str = ""
    homes: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    targets: Targets = Targets()
    machine: bool = False
    processes: bool = False
    public: bool = False


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """Observations, and the launches by server, which may hold secrets. `named` servers are those our user named."""

    observations: list[Observation]
    launches: Mapping[AssetId, Launch]
    packages: tuple[PackageRecord, ...] = ()
    named: frozenset[AssetId] = frozenset()
    own_addresses: frozenset[str] = frozenset()


async def gather(scope: Scope, parts: Parts, progress: Progress) -> Gathered:
    """Look everywhere that the scope names."""
    at = parts.clock.now()
    progress("reading configurations")
    observations, launches = _files(scope, parts, at)
    copies = _copies(scope, observations, parts, at)
    observations += copies[0]
    own: frozenset[str] = frozenset()
    if scope.processes:
        progress("reading processes")
        host = parts.host()
        own = host.addresses
        observations += [_host(host.name, at), *_processes(observations, host, parts, at)]
    named: set[AssetId] = set()
    if scope.targets.packages:
        packages = read_packages(scope.targets.packages, at=at)
        observations.append(packages.observation)
        launches |= packages.launches
    if scope.targets.addresses:
        progress(f"asking {', '.join(scope.targets.addresses[:3])}")
        collected = await parts.network(scope.public).collect(scope.targets.addresses)
        shown = [_shown(record, parts.key) for record in collected.records]
        endpoints = read_endpoints(shown, at=at)
        looks = tuple(_shown_look(look, parts.key) for look in collected.looks)
        observations += [endpoints, Observation(seen_by="network", at=at, looks=looks)]
        reached = _reached(collected.records, shown, endpoints)
        launches |= reached
        named |= reached.keys()
    return Gathered(
        observations=observations,
        launches=launches,
        packages=copies[1],
        named=frozenset(named),
        own_addresses=own,
    )


def _files(scope: Scope, parts: Parts, at: datetime) -> tuple[list[Observation], dict[AssetId, Launch]]:
    """Configurations and documents of agents; then what the configurations name: environment files and programs."""
    if not (scope.machine or scope.homes or scope.projects or scope.targets.files):
        return [], {}
    collector = parts.files(scope)
    collected = collector.collect()
    named = collector.read_configurations(scope.targets.files)
    records = [*collected.records, *named.records]
    wrapped = WrappedShelf(state_folder()).all()
    first = read_clients(records, parts.catalogue, key=parts.key, at=at, wrapped=wrapped)
    extra = collector.read_named(first.named_files)
    read = read_clients(
        [*records, *extra.records],
        parts.catalogue,
        key=parts.key,
        at=at,
        digests=collector.digests(first.local_programs),
        wrapped=wrapped,
        limits=parts.limits,
    )
    agents = read_agents(records, parts.catalogue, key=parts.key, at=at)
    logs = collector.read_logs(
        working_folders(read.launches, (record.home for record in records)), secret_finder(parts.key)
    )
    looks = (*collected.looks, *named.looks, *extra.looks, *logs.looks)
    told = Observation(seen_by="files", at=at, looks=looks)
    return [read.observation, agents, read_logs(logs.records, at=at), told], read.launches


def _copies(
    scope: Scope, observations: Sequence[Observation], parts: Parts, at: datetime
) -> tuple[list[Observation], tuple[PackageRecord, ...]]:
    """Copies of the packages that configurations name, on this machine or in the homes that are read."""
    wanted = wanted_packages(observations)
    if not wanted:
        return [], ()
    collected = parts.files(scope).installed(wanted)
    return [Observation(seen_by="packages", at=at, looks=collected.looks)], collected.records


def _processes(observations: Sequence[Observation], host: Host, parts: Parts, at: datetime) -> list[Observation]:
    collected = parts.processes.collect()
    programs = {name.lower(): client.id for client in parts.catalogue for name in client.processes}
    configured = {
        key
        for observation in observations
        for asset in observation.assets
        if asset.kind is AssetKind.SERVER
        for key in asset.keys
    }
    observed = read_processes(
        collected.records,
        client_programs=programs,
        key=parts.key,
        at=at,
        configured=configured,
        users=host.users,
        host=asset_id("host", host.name),
    )
    backends = read_backends(collected.records, at=at, host=asset_id("host", host.name))
    return [observed, backends, Observation(seen_by="processes", at=at, looks=collected.looks)]


def _host(name: str, at: datetime) -> Observation:
    host = Asset(id=asset_id("host", name), kind=AssetKind.HOST, name=name, keys=(f"host:{name}",))
    return Observation(seen_by="host", at=at, assets=(host,))


def _shown(record: EndpointRecord, key: Secret) -> EndpointRecord:
    """The record with its address as it may be shown: our user may have named one that holds a credential."""
    return msgspec.structs.replace(record, url=redact_url(record.url, Place(), key).text)


def _shown_look(look: Look, key: Secret) -> Look:
    if look.place is None or not look.place.url:
        return look
    return msgspec.structs.replace(look, place=Place(url=redact_url(look.place.url, Place(), key).text))


def _reached(
    records: Sequence[EndpointRecord], shown: Sequence[EndpointRecord], endpoints: Observation
) -> dict[AssetId, Launch]:
    """Launches for the endpoints that answered without a credential: their definitions can be listed."""
    servers = {asset.attributes.get("url"): asset.id for asset in endpoints.assets if asset.kind is AssetKind.SERVER}
    return {
        servers[told.url]: Launch(transport=Transport(record.transport), url=Secret(record.url), shown=told.url)
        for record, told in zip(records, shown, strict=True)
        if record.status == "open" and record.transport and told.url in servers
    }
