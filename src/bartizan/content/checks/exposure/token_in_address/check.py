"""Judge the address of a server by the marks that stand in it for credentials, and by the names of its parameters."""

import re
from collections.abc import Iterator

from bartizan.model.asset import Asset, Confidence
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight
from bartizan.text.patterns import names_credential

_MARK = re.compile(r"‹[^‹›]{1,200}›")
_PLACE_TO_FILL = re.compile(r"\$\{[^{}]{1,200}\}|\{\{[^{}]{1,200}\}\}|<[^<>]{1,200}>")


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each part of the address with a credential, or with a place that one is filled into."""
    url = str(subject.attributes.get("url", ""))
    address, _, query = url.partition("#")[0].partition("?")
    user, _, rest = address.partition("//")[2].rpartition("@")
    for part, found, sure in (
        ("query", next(_parameters(query), ""), True),
        ("user", "user information" if _MARK.search(user) else "", True),
        ("path", "its path" if _MARK.search(rest) else "", False),
    ):
        if found:
            yield Sight(
                message=f"the address of {subject.name} carries a credential in {found}",
                detail=part,
                place=subject.places[0] if subject.places else None,
                evidence=url,
                severity=None if sure else Severity.LOW,
                confidence=None if sure else Confidence.MEDIUM,
            )


def _parameters(query: str) -> Iterator[str]:
    """Parameters that hold a credential: by a mark, or by their name where the value is filled in at the start."""
    for pair in re.split(r"[&;]", query):
        name, _, value = pair.partition("=")
        if _MARK.search(value) or (names_credential(name) and _PLACE_TO_FILL.search(value)):
            yield f"the parameter {name}"
