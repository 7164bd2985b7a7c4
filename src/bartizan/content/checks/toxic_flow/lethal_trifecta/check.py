"""Judge a client by its flows of one kind."""

from collections.abc import Iterator

from bartizan.content.flows import graded, of_client, sight
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.flow import FlowKind
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for the shortest way, with what ends all ways of its kind."""
    for flow in of_client(subject.id, FlowKind.LETHAL_TRIFECTA, inventory):
        severity = graded(flow, sure=Severity.HIGH, unsure=Severity.MEDIUM, unasked=Severity.CRITICAL)
        yield sight(flow, inventory, severity=severity, place=subject)
