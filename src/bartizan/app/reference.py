"""Reference data that our user gives as files: a copy of the MCP registry, and advisories. Nothing is looked up."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from bartizan.app.config import Config
from bartizan.content.intel.osv import Advisory, read_advisories
from bartizan.discover.registry import Registered, mark_registry, read_registered
from bartizan.model.asset import Asset, AssetKind
from bartizan.model.errors import Place, UsageError
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text
from bartizan.model.limits import DEFAULT, Limits

_REGISTRY = "give server.json documents, or what a registry answers at /v0.1/servers"
_ADVISORIES = "give OSV documents as JSON, as lines of JSON, or a folder of them"


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What the files say. `registered` is None where no copy of a registry was given, which is not an empty one."""

    registered: tuple[Registered, ...] | None = None
    advisories: tuple[Advisory, ...] = ()


def read_reference(config: Config, limits: Limits = DEFAULT) -> Reference:
    """Read the files that the configuration names. Raises UsageError for one that cannot be read or holds nothing."""
    registered = [one for path in config.registry for one in _some(read_registered, path, _REGISTRY, limits)]
    advisories = [one for path in config.advisories for one in _some(read_advisories, path, _ADVISORIES, limits)]
    return Reference(registered=tuple(registered) if config.registry else None, advisories=tuple(advisories))


def mark_reference(inventory: Inventory, reference: Reference) -> Inventory:
    """The inventory with what the files say of its servers and packages."""
    if reference.registered is not None:
        inventory = mark_registry(inventory, reference.registered)
    return _mark_advisories(inventory, reference.advisories) if reference.advisories else inventory


def _mark_advisories(inventory: Inventory, advisories: Sequence[Advisory]) -> Inventory:
    by_name: defaultdict[tuple[str, str], list[Advisory]] = defaultdict(list)
    for one in advisories:
        by_name[one.ecosystem, one.name].append(one)
    return msgspec.structs.replace(
        inventory,
        assets=tuple(
            _advised(asset, by_name.get((as_text(asset.attributes.get("ecosystem")), asset.name.lower()), []))
            if asset.kind is AssetKind.PACKAGE
            else asset
            for asset in inventory.assets
        ),
    )


def _advised(package: Asset, advisories: Sequence[Advisory]) -> Asset:
    """The package with the advisories on the version that its launch names, and on those of its copies."""
    copies = [as_text(as_object(one).get("version")) for one in as_array(package.attributes.get("copies"))]
    versions = dict.fromkeys([as_text(package.attributes.get("version")), *copies])
    told = [
        {"ids": list(one.ids), "version": version, "summary": one.summary, "malicious": one.malicious}
        for version in versions
        for one in advisories
        if version and one.holds(version)
    ]
    return msgspec.structs.replace(package, attributes={**package.attributes, "advisories": told}) if told else package


def _some(read: Any, path: str, remedy: str, limits: Limits) -> list[Any]:
    where = Path(path).expanduser().absolute()
    found = read(_documents(where, remedy, limits))
    if not found:
        raise UsageError("nothing in it is what it should be", where=Place(path=str(where)), remedy=remedy)
    return found


def _documents(path: Path, remedy: str, limits: Limits) -> Iterator[Any]:
    """The JSON documents of a file, or of the files below a folder."""
    if path.is_dir():
        files = [one for one in islice(path.rglob("*.json"), limits.reference_files_max + 1) if one.is_file()]
        if len(files) > limits.reference_files_max:
            most = limits.reference_files_max
            raise UsageError(f"more files than reference_files_max ({most})", where=Place(path=str(path)))
        for file in sorted(files):
            yield from _documents_of(file, remedy, limits)
    else:
        yield from _documents_of(path, remedy, limits)


def _documents_of(file: Path, remedy: str, limits: Limits) -> Iterator[Any]:
    place = Place(path=str(file))
    try:
        with file.open("rb") as stream:
            body = stream.read(limits.reference_bytes_max + 1)
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=place, remedy=remedy) from None
    if len(body) > limits.reference_bytes_max:
        raise UsageError(f"larger than reference_bytes_max ({limits.reference_bytes_max})", where=place)
    try:
        whole: list[Any] | None = [msgspec.json.decode(body)]
    except (msgspec.DecodeError, RecursionError):
        whole = None
    yield from _lines(body, file, remedy) if whole is None else whole


def _lines(body: bytes, file: Path, remedy: str) -> Iterator[Any]:
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        try:
            document = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UsageError(f"no JSON: {error}", where=Place(path=str(file), line=number), remedy=remedy) from None
        yield document
