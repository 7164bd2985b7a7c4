"""What is known of the packages that servers load, from the copies of them that were found or fetched."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory, Observation
from bartizan.model.json import as_text
from bartizan.model.record import PackageRecord, WantedPackage
from bartizan.text.patterns import without_secrets

_KEPT_MAX = 16


def wanted_packages(observations: Iterable[Observation]) -> list[WantedPackage]:
    """The packages of which copies are to be looked for, each once."""
    found = (
        WantedPackage(
            ecosystem=as_text(asset.attributes.get("ecosystem")),
            name=asset.name,
            path=as_text(asset.attributes.get("path")),
        )
        for observation in observations
        for asset in observation.assets
        if asset.kind is AssetKind.PACKAGE
    )
    return [one for one in dict.fromkeys(found) if one.ecosystem in {"npm", "pypi"}]


def mark_copies(inventory: Inventory, records: Sequence[PackageRecord]) -> Inventory:
    """Say of each package, in `attributes.copies`, what its copies are; of a pinned one, those of its version."""
    by_name: defaultdict[tuple[str, str], list[PackageRecord]] = defaultdict(list)
    for record in records:
        by_name[record.ecosystem, record.name.lower()].append(record)
    return msgspec.structs.replace(
        inventory,
        assets=tuple(
            _marked(asset, by_name.get((as_text(asset.attributes.get("ecosystem")), asset.name.lower()), []))
            if asset.kind is AssetKind.PACKAGE
            else asset
            for asset in inventory.assets
        ),
    )


def _marked(package: Asset, records: Sequence[PackageRecord]) -> Asset:
    version = as_text(package.attributes.get("version")) if package.attributes.get("pinned") else ""
    copies = sorted(
        (one for one in records if not version or one.version == version), key=lambda one: (one.version, one.path)
    )[:_KEPT_MAX]
    if not copies:
        return package
    places = tuple(Place(path=one.path) for one in copies if one.path)
    return msgspec.structs.replace(
        package,
        attributes={**package.attributes, "copies": [_told(one) for one in copies]},
        places=tuple(dict.fromkeys((*package.places, *places))),
    )


def _told(record: PackageRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "version": without_secrets(record.version),
        "path": record.path,
        "install_scripts": {name: without_secrets(line) for name, line in record.install_scripts.items()},
        "scripted_dependencies": [without_secrets(name) for name in record.scripted_dependencies],
        "provenance": record.provenance,
        "signature": record.signature,
    }
    return {name: value for name, value in told.items() if value}
