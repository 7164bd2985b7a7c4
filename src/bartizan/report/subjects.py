"""Subjects: what a finding is about, by name, and the file in which a person would change it."""

from bartizan.model.asset import Asset, AssetId, AssetKind
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory
from bartizan.model.limits import DEFAULT
from bartizan.text.normalise import show

_MACHINE = "this machine"


class Subjects:
    """Looks up assets by their id. An empty id is the machine as a whole; an id that is unknown is its own name."""

    def __init__(self, inventory: Inventory) -> None:
        self._assets = inventory.by_id()
        self._leading: dict[AssetId, list[Asset]] = {}
        for edge in inventory.edges:
            if edge.source in self._assets:
                self._leading.setdefault(edge.target, []).append(self._assets[edge.source])
        hosts = inventory.of_kind(AssetKind.HOST)
        self._host = hosts[0].name if len(hosts) == 1 else ""

    @property
    def host(self) -> str:
        """The name of the one machine that this is about, shown; empty where there are several or none."""
        return _shown(self._host)

    def name(self, subject: AssetId) -> str:
        """What people call it, shown."""
        asset = self._assets.get(subject)
        return _shown(asset.label if asset and asset.label else subject) or self.host or _MACHINE

    def kind(self, subject: AssetId) -> str:
        """The kind of asset; `host` for the machine, `asset` for what is unknown."""
        asset = self._assets.get(subject)
        return str(asset.kind) if asset else "asset" if subject else str(AssetKind.HOST)

    def named(self, subject: AssetId) -> str:
        """Kind and name, and of what belongs to a server also whose it is: `tool add of calculator`, shown."""
        asset = self._assets.get(subject)
        owner = asset.attributes.get("server") if asset else None
        of = f" of {self.name(owner)}" if isinstance(owner, str) and owner in self._assets else ""
        return f"{self.kind(subject)} {self.name(subject)}{of}"

    def place(self, subject: AssetId) -> Place | None:
        """The first file of the subject, else of what leads to it in one step: a tool stands where its server does."""
        own = self._assets.get(subject)
        nearest = ([own] if own else []) + self._leading.get(subject, [])
        return next((place for asset in nearest for place in asset.places if place.path), None)


def _shown(text: str) -> str:
    return show(text, most=DEFAULT.shown_name_characters_max)
