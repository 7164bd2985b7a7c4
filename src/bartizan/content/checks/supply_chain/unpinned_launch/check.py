"""Judge a server's launch by whether its package is fixed."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object, as_text
from bartizan.rules.check import Sight

# These fetch the package when the server starts; an installed program is pinned by being installed.
_FETCHING = frozenset("npx npm pnpm pnpx yarn bunx bun uvx uv pipx docker podman nerdctl deno".split())


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight when the launch fetches something that can change under its name."""
    package = as_object(subject.attributes.get("package"))
    ecosystem = as_text(package.get("ecosystem"))
    if as_text(package.get("runner")) not in _FETCHING or package.get("pinned") or ecosystem in {"local", ""}:
        return
    version = package.get("version")
    wanted = f"version {version}" if version else "no version"
    told = f"the tag {version}, which can be moved" if version and ecosystem == "oci" else wanted
    yield Sight(
        message=f"{package['runner']} starts {package.get('name')} with {told}: what runs is decided at every start",
        detail=wanted,
        place=subject.places[0] if subject.places else None,
        evidence=str(package.get("purl", "")),
    )
