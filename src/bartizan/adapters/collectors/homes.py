"""Whose homes there are on this machine, and where their environment moves the folders of clients."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bartizan.model.client import System


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """One user's home. `uid` is None off POSIX. `environment` is known for the running user's own home only."""

    path: str
    user: str = ""
    uid: int | None = None
    system: System = "linux"
    environment: Mapping[str, str] = {}


def this_system() -> System:
    """The system that this runs on."""
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")  # type: ignore[return-value]


def home_at(path: str, system: System | None = None) -> Home:
    """A home by its path alone, as for `--home DIR`; its owner is that of the folder."""
    folder = Path(path).absolute()
    try:
        uid = folder.stat().st_uid if os.name == "posix" else None
    except OSError:
        uid = None
    return Home(path=str(folder), user=folder.name, uid=uid, system=system or this_system())


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that may move a client's folder: absolute paths only."""
    return {name: value for name, value in environment.items() if value.startswith("/") or value[1:2] == ":"}


def homes_of_this_machine() -> list[Home]:
    """The running user's home; every user's where this runs as root."""
    own = Path.home()
    found = [_own_home(own)]
    if os.name == "posix" and os.geteuid() == 0:
        found += [home for home in _users() if Path(home.path) != own]
    found += _windows_homes()
    return list({home.path: home for home in reversed(found)}.values())[::-1]


def _own_home(path: Path) -> Home:
    home = home_at(str(path))
    return msgspec.structs.replace(
        home,
        user=_user_name() or home.user,
        environment=environment_of(os.environ),
    )


def _user_name() -> str:
    if os.name != "posix":
        return os.environ.get("USERNAME", "")
    import pwd  # noqa: PLC0415 - POSIX only

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""


def _users() -> Iterator[Home]:
    """People and root: an account of a service has no home that anybody works in."""
    import pwd  # noqa: PLC0415 - POSIX only

    for entry in pwd.getpwall():
        person = entry.pw_uid == 0 or entry.pw_uid >= 500
        if person and entry.pw_dir not in {"", "/", "/nonexistent"} and Path(entry.pw_dir).is_dir():
            yield Home(path=entry.pw_dir, user=entry.pw_name, uid=entry.pw_uid, system=this_system())


def _windows_homes() -> list[Home]:
    """The homes of Windows, seen from a Linux below it (WSL); its drive carries no owners."""
    users = Path("/mnt/c/Users")
    try:
        folders = [folder for folder in users.iterdir() if (folder / "AppData").is_dir()]
    except OSError:
        return []
    return [Home(path=str(folder), user=folder.name, system="windows") for folder in sorted(folders)]
