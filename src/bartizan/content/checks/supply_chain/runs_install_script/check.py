"""Judge the copies of a package by what their installation runs."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.errors import Place
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_array, as_object, as_text
from bartizan.rules.check import Sight
from bartizan.text.regex import Pattern

# Fetching and running, hiding, or leaving the package's folder: what no build of a package needs.
_ATTACKS = Pattern(
    r"(?is)(\b(?:curl|wget|iwr|irm|invoke-webrequest|nc|ncat|powershell|bash\s+-c|base64|eval|exec|urlopen|child_process)\b"
    r"|\b(?:node|python[\d.]*)\s+-(?:e|c|-eval)\b|https?://|[~/]\.(?:ssh|aws|npmrc|bashrc|zshrc|config)\b|/etc/)"
)
# Builders of native parts and of the project itself, alone: what most honest install scripts are.
_BUILDS = Pattern(
    r"(?is)^\s*((?:node-gyp(?:-build)?|prebuild-install|node-pre-gyp|patch-package|husky)(?:\s+[\w=:.\-]+)*"
    r"(?:\s*\|\|\s*(?:node-gyp|node-pre-gyp|true)(?:\s+[\w=:.\-]+)*)*)\s*$"
)
_BUILT = "build"


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each script of each version, and one for the dependencies that have some."""
    dependencies: dict[str, None] = {}
    told: set[tuple[str, str, str]] = set()
    for copy in map(as_object, as_array(subject.attributes.get("copies"))):
        dependencies |= {str(name): None for name in as_array(copy.get("scripted_dependencies"))}
        version = as_text(copy.get("version"))
        for hook, command in sorted(as_object(copy.get("install_scripts")).items()):
            if (version, hook, str(command)) not in told:
                told.add((version, hook, str(command)))
                yield _sight(subject, version, hook, str(command), _place(copy))
    if dependencies:
        yield Sight(
            message=f"dependencies of {subject.name} run scripts when they are installed: {', '.join(dependencies)}",
            detail="dependencies",
            place=subject.places[0] if subject.places else None,
            severity=Severity.INFORMATIONAL,
        )


def _sight(subject: Asset, version: str, hook: str, command: str, place: Place | None) -> Sight:
    what = f"{subject.name} {version}".strip()
    when = "whenever Python starts" if hook.endswith(".pth") else "when it is installed"
    severity = Severity.HIGH if _ATTACKS.groups(command) else Severity.LOW if _BUILDS.groups(command) else None
    if hook == _BUILT:
        return Sight(message=f"{what} was {command}", detail=f"{version} {hook}", place=place, severity=Severity.LOW)
    return Sight(
        message=f"{what} runs a command {when} ({hook})",
        detail=f"{version} {hook} {command}",
        place=place,
        evidence=command,
        severity=severity,
    )


def _place(copy: JsonObject) -> Place | None:
    path = as_text(copy.get("path"))
    return Place(path=path) if path else None
