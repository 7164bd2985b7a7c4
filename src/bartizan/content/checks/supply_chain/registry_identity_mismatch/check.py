"""Judge a server that goes by the name of a registered one by the addresses and packages that the registry has."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from bartizan.content.address import Reach, host_of, reach_of
from bartizan.model.asset import Asset, Confidence
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight; a whole name is a claim to be that server, its last part may be a coincidence."""
    known = as_object(subject.attributes.get("registry"))
    by = known.get("by")
    if by not in {"name", "short_name"}:
        return
    what = _elsewhere(subject, [str(one) for one in as_array(known.get("remotes"))])
    if not what and by == "name":
        what = _another_package(subject, [str(one) for one in as_array(known.get("packages"))])
    if what:
        short = by == "short_name"
        yield Sight(
            message=f"{subject.name} goes by the name of {known.get('name')}, but {what}",
            detail=as_text(known.get("name")),
            place=subject.places[0] if subject.places else None,
            severity=Severity.LOW if short else None,
            confidence=Confidence.LOW if short else None,
        )


def _elsewhere(subject: Asset, remotes: list[str]) -> str:
    """What is wrong with its address; on this machine people try things out, and no host is claimed."""
    url = as_text(subject.attributes.get("url"))
    if not url or not remotes or reach_of(url) is Reach.MACHINE:
        return ""
    host = host_of(url)
    if any(fnmatchcase(host, remote) for remote in remotes):
        return ""
    return f"is reached at {host}; the registry has {', '.join(remotes)}"


def _another_package(subject: Asset, packages: list[str]) -> str:
    package = as_object(subject.attributes.get("package"))
    ecosystem, name = as_text(package.get("ecosystem")), as_text(package.get("name"))
    if subject.attributes.get("url") or not packages or ecosystem not in {"npm", "pypi", "oci"}:
        return ""
    if f"{ecosystem}:{name.lower()}" in packages:
        return ""
    return f"is started from {ecosystem}:{name}; the registry has {', '.join(packages)}"
