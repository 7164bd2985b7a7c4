"""What the copies of a package say of it."""

from datetime import UTC, datetime
from typing import Any

from bartizan.discover.copies import mark_copies, wanted_packages
from bartizan.model.asset import Asset, AssetKind
from bartizan.model.inventory import Inventory, Observation
from bartizan.model.record import PackageRecord, WantedPackage

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def package(**attributes: Any) -> Asset:
    told = {"ecosystem": "npm", **attributes}
    return Asset(id="package:a", kind=AssetKind.PACKAGE, name="weather", attributes=told)


def marked(asset: Asset, *records: PackageRecord) -> Asset:
    return mark_copies(Inventory(taken_at=NOON, assets=(asset,)), records).assets[0]


def copy(version: str, **more: Any) -> PackageRecord:
    return PackageRecord(ecosystem="npm", name="weather", version=version, **more)


def test_a_launch_without_a_version_has_every_copy_and_a_pinned_one_those_of_its_version():
    both = (copy("2.0.0"), copy("1.0.0"))
    assert [one["version"] for one in marked(package(), *both).attributes["copies"]] == ["1.0.0", "2.0.0"]
    pinned = marked(package(version="2.0.0", pinned=True), *both)
    assert [one["version"] for one in pinned.attributes["copies"]] == ["2.0.0"]


def test_a_package_of_another_registry_or_name_lends_nothing():
    other = PackageRecord(ecosystem="pypi", name="weather", version="1.0")
    assert "copies" not in marked(package(), other).attributes
    assert "copies" not in marked(package()).attributes


def test_a_copy_is_a_place_and_a_secret_in_its_script_is_a_mark():
    secret = "ghp_" + "A1b2" * 9
    found = marked(package(), copy("1.0.0", path="/x/package.json", install_scripts={"install": f"get {secret}"}))
    assert [place.path for place in found.places] == ["/x/package.json"]
    assert secret not in str(found)


def test_packages_of_npm_and_pypi_are_looked_for_once():
    image = Asset(id="package:b", kind=AssetKind.PACKAGE, name="x", attributes={"ecosystem": "oci"})
    seen = [Observation(seen_by="x", at=NOON, assets=(package(), image))] * 2
    assert wanted_packages(seen) == [WantedPackage(ecosystem="npm", name="weather")]
