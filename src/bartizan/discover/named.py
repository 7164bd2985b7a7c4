"""Servers that our own user names on the command line: a package, or a program."""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from bartizan.discover.identify import asset_id, identify_command
from bartizan.discover.packages import package_of
from bartizan.model.asset import Asset, AssetId, AssetKind, Edge, EdgeKind
from bartizan.model.inventory import Observation
from bartizan.model.launch import Launch
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport

SEEN_BY = "command line"
_PACKAGE = re.compile(r"(npm|pypi):(\S{1,300})")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line named, in the form in which a client's configuration is read."""

    observation: Observation
    launches: dict[AssetId, Launch]


def is_package(target: str) -> bool:
    """Whether a target is written as a package: `npm:x@1`, `pypi:x==1`."""
    return bool(_PACKAGE.fullmatch(target))


def read_packages(targets: Sequence[str], *, at: datetime) -> Named:
    """Packages as servers, each started by the usual runner of its ecosystem."""
    assets: list[Asset] = []
    edges: list[Edge] = []
    launches: dict[AssetId, Launch] = {}
    for target in targets:
        match = _PACKAGE.fullmatch(target)
        if match is None:
            continue
        command = ("npx", "-y", match[2]) if match[1] == "npm" else ("uvx", match[2])
        found = package_of(command)
        identity = identify_command(command, found)
        package = Asset(
            id=asset_id("package", found.purl),
            kind=AssetKind.PACKAGE,
            name=found.name,
            keys=(f"purl:{found.purl}",),
            attributes={
                "ecosystem": found.ecosystem,
                "version": found.version,
                "pinned": found.pinned,
                "purl": found.purl,
            },
        )
        server = Asset(
            id=identity.id,
            kind=AssetKind.SERVER,
            name=found.name,
            keys=identity.keys,
            attributes={
                "transport": Transport.STDIO.value,
                "command": list(command),
                "package": {**package.attributes, "name": found.name, "runner": found.runner},
                "enabled": True,
                "configured": True,  # our user named it, which is as good as a configuration
            },
        )
        assets += [package, server]
        edges.append(Edge(source=server.id, target=package.id, kind=EdgeKind.LOADS))
        launches[server.id] = Launch(
            transport=Transport.STDIO, command=tuple(Secret(word) for word in command), shown=" ".join(command)
        )
    observation = Observation(seen_by=SEEN_BY, at=at, assets=tuple(assets), edges=tuple(edges))
    return Named(observation=observation, launches=launches)
