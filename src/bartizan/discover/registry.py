"""What a copy of the MCP registry says of the servers that were found: server.json documents, read offline.

The registry verifies who owns a name. It does not verify the address of a remote server, nor look at a package.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bartizan.discover.package_ref import oci_image, pypi_name
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_VARIABLE = re.compile(r"\{[^{}]{1,200}\}")
_KEPT_MAX = 16
# Last parts of names that say nothing of whose server it is.
_COMMON = frozenset("mcp server mcp-server api remote main app tools test".split())


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """One server of a registry. `packages` are ecosystem and name, `remotes` URLs, which may hold {variables}."""

    name: str
    packages: tuple[tuple[str, str], ...] = ()
    remotes: tuple[str, ...] = ()


def read_registered(documents: Iterable[Any]) -> list[Registered]:
    """Servers of server.json documents, of answers of a registry (`servers`), or of lists of either.

    What is none is left out. The versions of one server are one, with the packages and remotes of all of them.
    """
    found: dict[str, Registered] = {}
    for document in documents:
        for server in _servers(document):
            one = _registered(server)
            if one is not None:
                known = found.get(one.name, Registered(name=one.name))
                found[one.name] = Registered(
                    name=one.name,
                    packages=tuple(dict.fromkeys((*known.packages, *one.packages))),
                    remotes=tuple(dict.fromkeys((*known.remotes, *one.remotes))),
                )
    return list(found.values())


def _servers(document: Any) -> Iterator[JsonObject]:
    if isinstance(document, list):
        for one in as_array(document):
            yield from _servers(one)
        return
    told = as_object(document)
    if "servers" in told:
        yield from (one for entry in as_array(told["servers"]) for one in _servers(entry))
    elif isinstance(told.get("server"), dict):
        yield as_object(told["server"])
    else:
        yield told


def _registered(server: JsonObject) -> Registered | None:
    name = as_text(server.get("name"))
    if "/" not in name:  # every name of a registry has its owner's namespace
        return None
    packages = [_package(as_object(one)) for one in as_array(server.get("packages"))]
    remotes = [as_text(as_object(one).get("url")) for one in as_array(server.get("remotes"))]
    return Registered(
        name=name,
        packages=tuple(one for one in packages if all(one)),
        remotes=tuple(url for url in remotes if url),
    )


def _package(package: JsonObject) -> tuple[str, str]:
    """Ecosystem and name as an inventory writes them. Documents before 2025-09 have snake case."""
    kind = as_text(package.get("registryType", package.get("registry_type"))).lower()
    return kind, _name(kind, as_text(package.get("identifier")))


def _name(ecosystem: str, name: str) -> str:
    if ecosystem == "oci":
        return oci_image(name, (), "").name
    return pypi_name(name) if ecosystem == "pypi" else name.lower()


class Registry:
    """Registered servers by package, by address and by name."""

    def __init__(self, registered: Iterable[Registered]) -> None:
        self._packages: dict[tuple[str, str], Registered] = {}
        self._hosts: list[tuple[str, Registered]] = []
        self._exact: defaultdict[str, list[Registered]] = defaultdict(list)
        self._names: dict[str, Registered] = {}
        short: defaultdict[str, list[Registered]] = defaultdict(list)
        for one in registered:
            self._names[one.name.lower()] = one
            short[one.name.lower().rpartition("/")[2]].append(one)
            for package in one.packages:
                self._packages.setdefault(package, one)
            for host in map(host_pattern, one.remotes):
                if "*" in host:
                    self._hosts.append((host, one))
                else:
                    self._exact[host].append(one)
        self._short = {name: ones[0] for name, ones in short.items() if len(ones) == 1 and name not in _COMMON}

    def of_package(self, ecosystem: str, name: str) -> Registered | None:
        """The server that is published as this package."""
        return self._packages.get((ecosystem, _name(ecosystem, name)))

    def of_host(self, host: str, names: Iterable[str]) -> Registered | None:
        """A server that is reached at this host, rather one of these names: many may share a host."""
        there = [*self._exact.get(host, ()), *(one for pattern, one in self._hosts if fnmatchcase(host, pattern))]
        wanted = {name.lower() for name in names}
        return next((one for one in there if _called(one, wanted)), there[0] if there else None)

    def of_name(self, names: Iterable[str]) -> tuple[Registered | None, str]:
        """The server of one of these names, and whether by its `name` or by its `short_name`."""
        wanted = [name.lower() for name in names]
        for by, table in (("name", self._names), ("short_name", self._short)):
            for name in wanted:
                if name in table:
                    return table[name], by
        return None, ""


def _called(one: Registered, wanted: set[str]) -> bool:
    return bool(wanted & {one.name.lower(), one.name.lower().rpartition("/")[2]})


def mark_registry(inventory: Inventory, registered: Iterable[Registered]) -> Inventory:
    """Say of each server, in `attributes.registry`, what the registry knows of it."""
    registry, called = Registry(registered), _names(inventory)
    return msgspec.structs.replace(
        inventory,
        assets=tuple(
            _marked(asset, registry, called.get(asset.id, [])) if asset.kind is AssetKind.SERVER else asset
            for asset in inventory.assets
        ),
    )


def _marked(server: Asset, registry: Registry, names: list[str]) -> Asset:
    package, url = as_object(server.attributes.get("package")), as_text(server.attributes.get("url"))
    found, by = registry.of_name(names)
    strong = by == "name"
    if not strong:
        at_host = registry.of_host(_host(url), names) if url else None
        loaded = None if url else registry.of_package(as_text(package.get("ecosystem")), as_text(package.get("name")))
        known = at_host or loaded
        found, by = (known, "remote" if at_host else "package") if known else (found, by)
    told = {
        "name": found.name if found else "",
        "by": by if found else "",
        "remotes": [host_pattern(one) for one in found.remotes[:_KEPT_MAX]] if found else [],
        "packages": [":".join(one) for one in found.packages[:_KEPT_MAX]] if found else [],
    }
    return msgspec.structs.replace(server, attributes={**server.attributes, "registry": told})


def _names(inventory: Inventory) -> dict[AssetId, list[str]]:
    """What clients call each server, and what it calls itself."""
    found: defaultdict[AssetId, list[str]] = defaultdict(list)
    for edge in inventory.edges:
        if edge.kind is EdgeKind.CONFIGURES and (name := as_text(edge.attributes.get("name"))):
            found[edge.target].append(name)
    told: list[tuple[AssetId, Mapping[str, Any]]] = [
        (snapshot.server, as_object(snapshot.discovered.get("serverInfo"))) for snapshot in inventory.snapshots
    ]
    told += [
        (asset.id, as_object(asset.attributes.get("self_reported"))) for asset in inventory.of_kind(AssetKind.SERVER)
    ]
    for server, own in told:
        if name := as_text(own.get("name")):
            found[server].append(name)
    return dict(found)


def host_pattern(url: str) -> str:
    """The host of a URL in lower case, with a star for each variable; empty where there is none."""
    return _host(_VARIABLE.sub("*", url))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
