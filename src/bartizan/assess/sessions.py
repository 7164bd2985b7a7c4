"""Sessions: the tools that one client puts before one model at the same time.

A server that is switched off, a tool that the client denies, and servers of another project are not in it.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from bartizan.model.asset import Asset, AssetId, AssetKind, Edge, EdgeKind
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_text
from bartizan.model.label import Ability, Label, labels_of
from bartizan.model.unasked import everything_unasked, unasked_patterns


class Usable(msgspec.Struct, frozen=True, kw_only=True):
    """A tool in a session. `asks` says that the client asks a person before it runs it."""

    tool: AssetId
    server: AssetId
    labels: dict[Ability, Label]
    asks: bool


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A client, the project it works in (empty outside of any), and the tools at hand."""

    client: AssetId
    project: str
    tools: tuple[Usable, ...]


def sessions(inventory: Inventory) -> Iterator[Session]:
    """For each client the session outside of any project, and one for each project that brings servers of its own."""
    assets = inventory.by_id()
    exposed: dict[AssetId, list[Asset]] = {}
    configured: dict[AssetId, list[Edge]] = {}
    for edge in inventory.edges:
        if edge.kind is EdgeKind.EXPOSES and (tool := assets.get(edge.target)) and tool.kind is AssetKind.TOOL:
            exposed.setdefault(edge.source, []).append(tool)
        elif edge.kind is EdgeKind.CONFIGURES and edge.attributes.get("enabled", True) is not False:
            configured.setdefault(edge.source, []).append(edge)
    labels = {tool.id: labels_of(tool) for tools in exposed.values() for tool in tools}
    approvals = _approvals(inventory)
    for client, edges in sorted(configured.items()):
        projects = {as_text(edge.attributes.get("project")) for edge in edges}
        for project in sorted({"", *projects}):
            here = [edge for edge in edges if as_text(edge.attributes.get("project")) in {"", project}]
            usable: dict[AssetId, Usable] = {}
            for edge in here:
                for tool in exposed.get(edge.target, ()):
                    if labels[tool.id] and _permitted(edge, tool):
                        asks = not _unasked(tool, edge, approvals.get(client, ()))
                        known = usable.get(tool.id)
                        usable[tool.id] = Usable(
                            tool=tool.id,
                            server=edge.target,
                            labels=labels[tool.id],
                            asks=asks and (known is None or known.asks),
                        )
            if usable:
                yield Session(client=client, project=project, tools=tuple(usable[one] for one in sorted(usable)))


def _approvals(inventory: Inventory) -> dict[AssetId, list[object]]:
    """By client, the settings by which it asks less."""
    assets, found = inventory.by_id(), dict[AssetId, list[object]]()
    for edge in inventory.edges:
        if edge.kind is EdgeKind.READS and (document := assets.get(edge.target)) is not None:
            found.setdefault(edge.source, []).extend(as_array(document.attributes.get("approvals")))
    return found


def _unasked(tool: Asset, edge: Edge, approvals: Iterable[object]) -> bool:
    """Whether a client runs a tool without asking: by the server's entry or by its settings."""
    if _matches(tool.name, edge.attributes.get("tools_approved")):
        return True
    server = f"mcp__{as_text(edge.attributes.get('name'))}"
    names = {server, f"{server}__*", f"{server}__{tool.name}"}
    return any(everything_unasked(one) or names & set(unasked_patterns(one)) for one in approvals)


def _permitted(edge: Edge, tool: Asset) -> bool:
    allowed, denied = edge.attributes.get("tools_allowed"), edge.attributes.get("tools_denied")
    return (not allowed or _matches(tool.name, allowed)) and not _matches(tool.name, denied)


def _matches(name: str, patterns: object) -> bool:
    """Whether one of the names fits. A star alone stands for all; elsewhere it is the client's own kind of wildcard."""
    named: Iterable[str] = (one for one in as_array(patterns) if isinstance(one, str))
    return any(one in {"*", name} or ("*" in one and fnmatchcase(name, one)) for one in named)
