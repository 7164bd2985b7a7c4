"""Judge the metadata of authorization servers by the code challenge methods that they name."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_array, as_object
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each document of an authorization server that gives codes."""
    for snapshot in inventory.snapshots:
        if snapshot.server != subject.id:
            continue
        for url, value in sorted(snapshot.authorization.items()):
            document = as_object(value)
            methods = as_array(document.get("code_challenge_methods_supported"))
            if _gives_codes(document) and "S256" not in methods:
                named = ", ".join(str(method) for method in methods) or "none"
                yield Sight(
                    message=f"the authorization server of {subject.name} names no S256 for PKCE (it names {named})",
                    detail=url,
                    place=Place(url=url, pointer="/code_challenge_methods_supported"),
                )


def _gives_codes(document: JsonObject) -> bool:
    """Whether it is an authorization server's, and grants by a code: so it is where it does not say (RFC 8414)."""
    grants = as_array(document.get("grant_types_supported"))
    return "issuer" in document and (not grants or "authorization_code" in grants)
