"""Tools: where the programs that fetch and run packages stand on this host, and what must be mounted for them."""

import os
import re
import shutil
from pathlib import Path

import msgspec

from bartizan.adapters.sandbox.box import INSIDE, Mount, inside_system
from bartizan.ports import SandboxError

# Folders of a home that hold credentials or everything: never mounted as a whole.
_CLOSED = {".ssh", ".aws", ".gnupg", ".config", ".local", ".kube", ".docker", ".azure", ".cache", ".mozilla"}
# Below these, tools keep what they install: ~/.local/share/TOOL/INSTALLATION.
_INSTALLED = {".local", ".cache"}
_STATE = {Path(path) for path in ("/var/lib", "/var/run", "/run/user", "/var/tmp")}  # noqa: S108
_MARKS = ("package.json", "pyproject.toml", "pyvenv.cfg", "setup.py", ".git")


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program of this host, and the folder that it needs (none where the box has it anyway)."""

    path: str
    mounts: tuple[Mount, ...] = ()


def find_program(name: str, *, directory: str | None = None) -> Program:
    """A program by name or path, as the client would find it. Raises SandboxError."""
    given = os.path.expanduser(name)  # noqa: PTH111  a name without a tilde stays as it is
    if "/" in given and not os.path.isabs(given):  # noqa: PTH117
        given = str(Path(directory or Path.home()) / given)
    found = shutil.which(given)
    if found is None:
        raise SandboxError(f"skipped: the program {name} is not on this host")
    path = behind_shim(Path(found).absolute())
    places = dict.fromkeys((path, os.path.realpath(path)))
    mounts = [mount for place in places for mount in (*_prefix(Path(place)), *_base_of_environment(place))]
    return Program(path=path, mounts=tuple(dict.fromkeys(mounts)))


def behind_shim(path: Path) -> str:
    """What a version manager's shim starts: pyenv and its kin keep `versions/`, asdf and mise `installs/`.

    A shim is a script that needs its whole manager, and a home around it. The newest installation stands in for the
    one that the manager would choose.
    """
    if path.parent.name != "shims":
        return str(path)
    patterns = (f"versions/*/bin/{path.name}", f"installs/*/*/bin/{path.name}")
    installed = [one for pattern in patterns for one in path.parent.parent.glob(pattern)]
    newest = max(installed, key=lambda one: [int(n) for n in re.findall(r"\d+", one.parts[-3])], default=None)
    others = os.pathsep.join(one for one in os.get_exec_path() if Path(one).name != "shims")
    return str(newest) if newest else shutil.which(path.name, path=others) or str(path)


def _prefix(path: Path) -> list[Mount]:
    """The installation that a program belongs to: `X` for `X/bin/program`."""
    if inside_system(str(path)):
        return []
    root = path.parent.parent if path.parent.name == "bin" else path.parent
    return [mount_of(path if too_much(root) else root)]


def _base_of_environment(path: str) -> list[Mount]:
    """The Python behind a virtual environment, which its programs need too."""
    settings = Path(path).parent.parent / "pyvenv.cfg"
    if not settings.is_file():
        return []
    base = os.path.realpath(Path(path).parent / "python")
    return _prefix(Path(base))


def script_mounts(script: Path) -> list[Mount]:
    """The folder of a script's project, read-only and without its dotenv files; the script alone where that is
    a home or another folder of everything.
    """
    if inside_system(str(script)):
        return []
    script = Path(os.path.abspath(script))  # noqa: PTH100 - links stay: the server is to find itself where it was named
    root = next((folder for folder in script.parents if any((folder / mark).exists() for mark in _MARKS)), None)
    folder = next((place for place in (root, script.parent) if place is not None and not too_much(place)), None)
    if folder is None:
        return [mount_of(script)]
    empty = str(INSIDE / "empty")
    hidden = [Mount(source=empty, target=str(file)) for file in sorted(folder.glob(".env*")) if file.is_file()]
    return [mount_of(folder), *hidden]


def mount_of(path: Path) -> Mount:
    """The same place inside as outside."""
    return Mount(source=str(path), target=str(path))


def too_much(folder: Path) -> bool:
    """Whether a folder holds more than a program: a home or what is above it, system state, credentials.

    A link in a project may lead to any of them, so it is the folder behind the link that is judged as well.
    """
    return any(_too_much(one) for one in {folder, Path(os.path.realpath(folder))})


def _too_much(folder: Path) -> bool:
    if len(folder.parts) <= 2 or folder in Path.home().parents or folder in _STATE:
        return True
    others = [Path("/home", folder.parts[2])] if folder.parts[1] == "home" else []
    for home in (Path.home(), *others):
        if folder.is_relative_to(home):
            below = folder.relative_to(home).parts
            return not below or (below[0] in _CLOSED and not (below[0] in _INSTALLED and len(below) >= 4))
    return False
