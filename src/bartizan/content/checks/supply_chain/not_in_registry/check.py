"""Judge a server by whether the registry knows its package or its address."""

from collections.abc import Iterator

from bartizan.content.address import Reach, host_of, reach_of
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for a package or a public address that the registry does not have; nothing where none was given."""
    known = as_object(subject.attributes.get("registry"))
    if "registry" not in subject.attributes or known.get("by") in {"package", "remote", "name"}:
        return
    package, url = as_object(subject.attributes.get("package")), as_text(subject.attributes.get("url"))
    what = ""
    if url and reach_of(url) is Reach.ANYWHERE:
        what = f"at {host_of(url)}"
    elif not url and _published(package):
        what = f"with the {package.get('ecosystem')} package {package.get('name')}"
    if what:
        yield Sight(
            message=f"the registry has no server {what}",
            place=subject.places[0] if subject.places else None,
            evidence=as_text(package.get("purl")) or url,
        )


def _published(package: JsonObject) -> bool:
    return package.get("ecosystem") in {"npm", "pypi", "oci"} and bool(package.get("name"))
