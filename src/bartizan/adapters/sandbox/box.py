"""Box: what a confined program sees, as bubblewrap's arguments. Pure: it looks at the host, and starts nothing."""

import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from bartizan.model.limits import Limits

HOME = "/home/nobody"
OWN = "/run/bartizan"  # where our own programs and the fetched package stand, inside
INSIDE = Path(__file__).parent / "inside"
NOBODY = 65_534
# A user number of its own for each start by root: no process, no file and no process count is shared with another.
_USERS = range(1_879_048_192, 2_147_483_000)

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/mime.types",
    "/etc/localtime",
)


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder of the host, and where it stands inside. Read-only unless `writable`."""

    source: str
    target: str
    writable: bool = False


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One confined start. `folders` are empty, writable and in memory; `search` are folders of programs.

    `owned`: the program writes into a mount, so it keeps the user's own number (inside a user namespace, without any
    right outside it) even when that user is root.
    """

    mounts: tuple[Mount, ...] = ()
    folders: tuple[str, ...] = ()
    directory: str = HOME
    environment: Mapping[str, str] = {}
    search: tuple[str, ...] = ()
    memory_bytes: int = 0
    file_bytes: int = 0
    cpu_seconds: int = 0
    owned: bool = False


def interpreter() -> str:
    """The Python that runs inside: ours, without its virtual environment."""
    plain = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return os.path.realpath(plain if plain.exists() else sys.executable)


def enclose(bwrap: str, box: Box, command: Iterable[str], limits: Limits) -> tuple[str, ...]:
    """The whole command line: bubblewrap, our start program, the command."""
    drop = os.geteuid() == 0 and not box.owned
    settings = {
        "user": secrets.choice(_USERS) if drop else None,
        "limits": _limits(box, limits),
        "environment": _environment(box),
    }
    inner = (bwrap, "--unshare-user", *_NAMES, "--disable-userns", "--dev-bind", "/", "/", "--") if drop else ()
    return (
        bwrap,
        *_walls(drop=drop),
        *_contents(box, limits),
        "--",
        *(interpreter(), "-I", "-S", f"{OWN}/start.py", json.dumps(settings), "--"),
        *inner,
        *command,
    )


_NAMES = ("--uid", str(NOBODY), "--gid", str(NOBODY))


def _walls(*, drop: bool) -> Iterator[str]:
    """Namespaces, no capabilities, no terminal, and an end together with the parent.

    Root gets no user namespace here but a plain user number, and the user namespace within: so a mistake of the
    namespace leaves a user that owns nothing instead of root.
    """
    yield from ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    yield from ("--die-with-parent", "--new-session", "--clearenv", "--hostname", "bartizan")
    if drop:
        yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    else:
        yield from ("--unshare-user", *_NAMES, "--disable-userns", "--cap-drop", "ALL")


def _contents(box: Box, limits: Limits) -> Iterator[str]:
    for path in SYSTEM:
        if Path(path).is_symlink():
            yield from ("--symlink", str(Path(path).readlink()), path)
        elif Path(path).is_dir():
            yield from ("--ro-bind", path, path)
    yield from ("--proc", "/proc", "--dev", "/dev")
    size = str(limits.sandbox_memory_folder_bytes_max)
    empty = sorted({*box.folders, *_EMPTY}, key=lambda path: (path.count("/"), path))
    mounts = [*_own_mounts(), *box.mounts]
    targets = [*empty, *(mount.target for mount in mounts)]
    made = {"/", "/dev", *targets}
    for folder in empty:
        yield from (*_parents(folder, made), "--perms", "0777", "--size", size, "--tmpfs", folder)
    for path in _ETC:
        yield from (*_parents(path, made), "--ro-bind-try", path, path)
    for mount in mounts:
        yield from _parents(mount.target, made)
        yield from ("--bind" if mount.writable else "--ro-bind", mount.source, mount.target)
    yield from ("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", box.directory)


_EMPTY = ("/tmp", HOME, "/dev/shm")  # noqa: S108


def _own_mounts() -> Iterator[Mount]:
    for file in sorted((INSIDE / "etc").iterdir()):
        yield Mount(source=str(file), target=f"/etc/{file.name}")
    for name in ("start.py", "relay.py", "run_python.py"):
        yield Mount(source=str(INSIDE / name), target=f"{OWN}/{name}")
    if not inside_system(sys.base_prefix):
        yield Mount(source=sys.base_prefix, target=sys.base_prefix)


def _parents(target: str, made: set[str]) -> Iterator[str]:
    """The folders above a mount, open to every user: bubblewrap's own would be closed to all but root."""
    for parent in map(str, reversed(PurePosixPath(target).parents)):
        if parent not in made and not inside_system(parent):
            made.add(parent)
            yield from ("--perms", "0755", "--dir", parent)


def inside_system(path: str) -> bool:
    """Whether the path is in the box anyway."""
    return any(path == root or path.startswith(root + "/") for root in SYSTEM)


def _environment(box: Box) -> dict[str, str]:
    search = [*box.search, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    fixed = {"PATH": ":".join(dict.fromkeys(search)), "HOME": HOME, "USER": "nobody", "LANG": "C.UTF-8"}
    return {**box.environment, **fixed}


def _limits(box: Box, limits: Limits) -> dict[str, int]:
    return {
        "RLIMIT_CORE": 0,
        "RLIMIT_DATA": box.memory_bytes or limits.sandbox_memory_bytes_max,
        "RLIMIT_NPROC": limits.sandbox_processes_max,
        "RLIMIT_NOFILE": limits.sandbox_descriptors_max,
        "RLIMIT_FSIZE": box.file_bytes or limits.sandbox_file_bytes_max,
        "RLIMIT_CPU": box.cpu_seconds or limits.sandbox_cpu_seconds_max,
    }
