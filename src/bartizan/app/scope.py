"""From options and configuration to the scope of a scan."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bartizan.app.config import Config
from bartizan.app.gather import Scope
from bartizan.app.targets import classify
from bartizan.model.errors import UsageError


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line says of where to look. `only_targets`: where targets are given, nothing else is looked at."""

    home: Path | None = None
    projects: Sequence[Path] = ()
    targets: Sequence[str] = ()
    only_targets: bool = False
    processes: bool = False
    public: bool = False


def scope_of(config: Config, asked: Asked) -> Scope:
    """The scope that a command line asks for. Raises UsageError for what is no target.

    Homes, projects and addresses of `bartizan.yml` belong to this machine: a home or targets on the command line stand
    instead of them.
    """
    targets = classify(asked.targets)
    named = [str(asked.home.absolute())] if asked.home else []
    folders = [str(Path(folder).absolute()) for folder in [*asked.projects, *targets.folders]]
    machine = not named and not (asked.only_targets and targets)
    name = _name([*named, *asked.targets, *folders])
    if not machine or asked.targets:
        homes, projects = tuple(named), tuple(folders)
    else:
        homes = tuple(_folder(home) for home in config.discover.homes)
        projects = (*folders, *(_folder(project) for project in config.discover.projects))
        targets = classify(config.discover.targets)
        if targets.files or targets.folders or targets.packages:
            raise UsageError("discover.targets takes addresses only", remedy="name folders under discover.projects")
    return Scope(
        name=name,
        homes=homes,
        projects=projects,
        targets=targets,
        machine=machine,
        processes=machine or asked.processes,
        public=asked.public,
    )


def _folder(written: str) -> str:
    return str(Path(written).expanduser().absolute())


def _name(asked: Sequence[str]) -> str:
    """A short stable name for what is looked at; empty for this machine. Scans of one name are compared."""
    joined = "\0".join(sorted(asked))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16] if asked else ""
