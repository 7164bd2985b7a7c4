"""What gateways of this state folder say of themselves while they run, for `doctor`: one file for each process."""

import contextlib
import os
from datetime import datetime
from pathlib import Path

import msgspec

from bartizan.app.files import write_private

_FOLDER = "running"
_FILES_MAX = 100


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway. `policy` is the version that decides since `since`; `troubles` are what it told and goes on."""

    pid: int
    listen: str
    policy: str
    since: datetime
    troubles: tuple[str, ...] = ()


def note(state: Path, running: Running) -> None:
    """Say it. What cannot be written only `doctor` lacks."""
    folder = state / _FOLDER
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in _files(folder):
            if not _alive(stale):
                stale.unlink(missing_ok=True)
        write_private(folder / f"{running.pid}.json", msgspec.json.encode(running).decode())


def forget(state: Path, pid: int) -> None:
    """This gateway has ended."""
    with contextlib.suppress(OSError):
        (state / _FOLDER / f"{pid}.json").unlink(missing_ok=True)


def running(state: Path) -> list[Running]:
    """The gateways that run."""
    found = list[Running]()
    for path in _files(state / _FOLDER):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            if _alive(path):
                found.append(msgspec.json.decode(path.read_bytes(), type=Running))
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.json"))[:_FILES_MAX]


def _alive(path: Path) -> bool:
    try:
        os.kill(int(path.stem), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True  # it is another user's
    return True
