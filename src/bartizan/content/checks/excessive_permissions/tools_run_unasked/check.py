"""Judge a client by what it runs without asking."""

from collections.abc import Iterator

from bartizan.content.tools import tools_of
from bartizan.model.asset import Asset, Edge, EdgeKind
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text
from bartizan.model.label import Ability, labels_of, sure
from bartizan.model.unasked import everything_unasked
from bartizan.rules.check import Sight

_DANGEROUS = (Ability.DESTROYS, Ability.EXECUTES)


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each setting, and for each server's entry."""
    assets = inventory.by_id()
    for edge in (edge for edge in inventory.edges if edge.source == subject.id):
        target = assets.get(edge.target)
        if target is not None and edge.kind is EdgeKind.READS:
            yield from _settings(subject, target)
        elif target is not None and edge.kind is EdgeKind.CONFIGURES:
            yield from _entry(edge, target, inventory)


def _settings(client: Asset, document: Asset) -> Iterator[Sight]:
    for approval in as_array(document.attributes.get("approvals")):
        if everything_unasked(approval):
            fields = as_object(approval)
            setting, line = as_text(fields.get("setting")), fields.get("line")
            path = document.places[0].path if document.places else document.name
            yield Sight(
                message=f"{client.name} asks for no tool: {setting} in {document.name}",
                detail=f"{path} {setting}",
                place=Place(path=path, line=line if isinstance(line, int) else None),
                evidence=f"{setting}: {fields.get('value')}",
            )


def _entry(edge: Edge, server: Asset, inventory: Inventory) -> Iterator[Sight]:
    approved = [one for one in as_array(edge.attributes.get("tools_approved")) if isinstance(one, str)]
    tools = {tool.name: labels_of(tool) for tool in tools_of(server, inventory)}
    risky = [name for name in approved if any(sure(tools.get(name, {}).get(one)) for one in _DANGEROUS)]
    told = "all its tools" if "*" in approved else ", ".join(risky[:8])
    if told:
        yield Sight(
            message=f"{server.name} runs {told} unasked",
            detail=f"{edge.target} {told}",
            place=Place(path=as_text(edge.attributes.get("path"))),
            evidence=", ".join(approved[:8]),
        )
