"""Judge a remote server by the scopes that its metadata names."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object
from bartizan.rules.check import Sight

_WHOLE = frozenset(
    (
        "* all full full_access admin root superuser sudo api repo admin:org delete_repo write:all read_write_all "
        "user_impersonation https://mail.google.com/ https://www.googleapis.com/auth/drive "
        "https://www.googleapis.com/auth/cloud-platform directory.readwrite.all sites.fullcontrol.all"
    ).split()
)
_SHOWN_MAX = 8


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for the scopes of one server together."""
    for snapshot in inventory.snapshots:
        if snapshot.server != subject.id:
            continue
        named = (one for _, value in sorted(snapshot.authorization.items()) for one in _scopes(value))
        broad = list(dict.fromkeys(one for one in named if one.lower() in _WHOLE or one.endswith("/.default")))
        if broad:
            yield Sight(
                message=f"{subject.name} offers {', '.join(broad[:_SHOWN_MAX])}",
                evidence=", ".join(broad[:_SHOWN_MAX]),
            )


def _scopes(document: object) -> Iterator[str]:
    for one in as_array(as_object(document).get("scopes_supported")):
        if isinstance(one, str):
            yield one[:200]
