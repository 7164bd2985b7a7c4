"""Judge a server's package by the versions that were reviewed."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_array, as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight where none of the reviews is of this package in this version with these files."""
    package = as_object(subject.attributes.get("package"))
    reviews = [as_object(one) for one in as_array(subject.attributes.get("reviewed"))]
    if not reviews or not package or any(_same(package, one) for one in reviews):
        return
    other_files = next((one for one in reviews if _same_version(package, one)), None)
    local = package.get("ecosystem") == "local"
    now = _shown(package, local=local)
    reviewed = other_files or reviews[-1]
    told = f"{_shown(reviewed, local=local)} ({as_text(reviewed.get('at'))[:10]}, {as_text(reviewed.get('by'))})"
    what = f"{now} has other files than when it was reviewed" if other_files else f"{now} runs, and reviewed was {told}"
    yield Sight(
        message=what,
        detail="\0".join(as_text(package.get(field)) for field in ("name", "version", "sha256")),
        place=subject.places[0] if subject.places else None,
        evidence=f"reviewed {told} sha256 {as_text(reviewed.get('sha256')) or '?'}; "
        f"now sha256 {as_text(package.get('sha256')) or '?'}",
        severity=Severity.HIGH if other_files and package.get("version") and not local else None,
    )


def _same_version(package: JsonObject, review: JsonObject) -> bool:
    return (as_text(package.get("name")), as_text(package.get("version"))) == (
        as_text(review.get("package")),
        as_text(review.get("version")),
    )


def _same(package: JsonObject, review: JsonObject) -> bool:
    """A digest that one side lacks was not looked at there, and tells nothing."""
    now, then = as_text(package.get("sha256")), as_text(review.get("sha256"))
    return _same_version(package, review) and (now == then or not now or not then)


def _shown(fields: JsonObject, *, local: bool) -> str:
    name = as_text(fields.get("name")) or as_text(fields.get("package"))
    return name if local else f"{name} {as_text(fields.get('version')) or 'without a fixed version'}"
