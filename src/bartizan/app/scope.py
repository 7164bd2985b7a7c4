"""From options and configuration to the scope of a scan."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from bartizan.app.config import Config
from bartizan.app.gather import Scope
from bartizan.app.targets import classify
from bartizan.model.errors import UsageError


def scope_of(
    config: Config, *, home: Path | None, projects: Sequence[Path], targets: Sequence[str], public: bool
) -> Scope:
    """The scope that a command line asks for. Raises UsageError for what is no target."""
    sorted_targets = classify(targets)
    homes = [str(home.absolute())] if home else []
    folders = [str(Path(folder).absolute()) for folder in [*projects, *sorted_targets.folders]]
    asked = [*homes, *targets]
    if not asked:
        homes = [str(Path(folder).expanduser().absolute()) for folder in config.discover.homes]
        folders += [str(Path(folder).expanduser().absolute()) for folder in config.discover.projects]
        sorted_targets = classify(config.discover.targets)
        if sorted_targets.files or sorted_targets.folders or sorted_targets.packages:
            raise UsageError("discover.targets takes addresses only", remedy="name folders under discover.projects")
    return Scope(
        name=_name([*asked, *folders] if asked else []),
        homes=tuple(homes),
        projects=tuple(folders),
        targets=sorted_targets,
        machine=not asked,
        public=public,
    )


def _name(asked: Sequence[str]) -> str:
    """A short stable name for what is looked at; empty for this machine. Scans of one name are compared."""
    joined = "\0".join(sorted(asked))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16] if asked else ""
