"""Judge the description of a skill that leaves nothing out."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight
from bartizan.text import regex
from bartizan.text.fold import fold

_EVERYTHING = regex.Pattern(
    r"(\b(?:use|invoke|load|run|apply|call|activate|trigger|must be used|always used?)\b[^.;]{0,40}"
    r"\b(?:for|on|in|before|with|at) (?:every|any|all|each)(?: single)? "
    r"(?:user )?(?:requests?|tasks?|messages?|prompts?|conversations?|questions?|sessions?|responses?|answers?|things?)"
    r"(?: of the user| the user makes)?\s*(?:[.,;!]|$|without|no matter|regardless))"
)


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight."""
    if subject.attributes.get("role") != "skill":
        return
    description = fold(str(subject.attributes.get("description", "")))
    if place := _EVERYTHING.first(description):
        yield Sight(
            message=f"{subject.name} claims every task",
            place=subject.places[0] if subject.places else None,
            evidence=description[place[0] : place[1]],
        )
