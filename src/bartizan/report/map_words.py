"""A map in words: the names of its assets and controls, and the question that it answers."""

from bartizan.graph.controls import Control
from bartizan.graph.questions import MapAnswer
from bartizan.model.asset import AssetId
from bartizan.model.inventory import Inventory


class Names:
    """Assets by name; also those that a limit left out of the answer."""

    def __init__(self, inventory: Inventory) -> None:
        self._assets = inventory.by_id()

    def name(self, identity: AssetId) -> str:
        """The name, or the id of what the inventory lacks."""
        return self._assets[identity].label if identity in self._assets else identity

    def control(self, control: Control) -> tuple[str, str]:
        """The deed, and what it is done to."""
        if control.asset:
            return control.deed, self.name(control.asset)
        return control.deed, f"{self.name(control.source)} → {self.name(control.target)}"


def question(answer: MapAnswer, names: Names) -> str:
    """What was asked, as a sentence."""
    if answer.start and answer.end:
        return f"How does {names.name(answer.start)} reach {names.name(answer.end)}?"
    if answer.start:
        return f"What does {names.name(answer.start)} reach?"
    if backward(answer):
        return f"What can reach {names.name(answer.end or answer.nodes[0].id)}?"
    return "What do people and untrusted servers reach of what is worth having?"


def backward(answer: MapAnswer) -> bool:
    """Whether the answer was sought from its end: then the node at distance nought is that end."""
    return not answer.start and sum(node.depth == 0 for node in answer.nodes) == 1
