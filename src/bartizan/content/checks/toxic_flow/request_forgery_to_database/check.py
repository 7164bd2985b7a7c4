"""Judge a server by the attack chain that starts at it."""

from collections.abc import Iterator

from bartizan.content.flows import sight
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.flow import FlowKind
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight: critical where a database is known at the end of the chain, high where only the cloud account is."""
    for flow in inventory.flows:
        if flow.kind is FlowKind.ATTACK_CHAIN and flow.steps[0].asset == subject.id:
            database = flow.steps[-1].role == "database"
            yield sight(flow, inventory, severity=Severity.CRITICAL if database else Severity.HIGH, place=subject)
