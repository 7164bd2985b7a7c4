"""This machine and who runs us: its name, its own addresses, the homes of its users."""

import contextlib
import getpass
import ipaddress
import os
import re
import socket
import sys
from pathlib import Path

import msgspec


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """A user's home folder. `uid` is None off POSIX."""

    path: str
    user: str
    uid: int | None = None


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """This machine. `addresses` are its own, beside loopback, as far as the system tells."""

    name: str
    addresses: frozenset[str]


def this_host() -> Host:
    """Read the host's name and addresses; no packet is sent."""
    return Host(name=socket.gethostname(), addresses=frozenset(_addresses()))


def homes() -> tuple[Home, ...]:
    """This user's home; when run as root, every user's that exists."""
    own = Home(path=str(Path.home()), user=_user(), uid=os.getuid() if os.name == "posix" else None)
    if os.name != "posix" or os.geteuid() != 0:
        return (own,)
    import pwd  # noqa: PLC0415 - POSIX only

    found = {own.path: own}
    for entry in pwd.getpwall():
        folder = Path(entry.pw_dir)
        try:
            owned = folder.is_dir() and folder.stat().st_uid == entry.pw_uid
        except OSError:
            owned = False  # a home that root may not see (a network file system) is another machine's to scan
        if owned and entry.pw_dir not in {"/", "/dev", "/bin", "/usr/sbin", "/usr/bin"}:
            found.setdefault(entry.pw_dir, Home(path=entry.pw_dir, user=entry.pw_name, uid=entry.pw_uid))
    return tuple(found[path] for path in sorted(found))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if os.name == "posix" else ""


def _addresses() -> set[str]:
    """From the kernel's tables on Linux, from the resolver elsewhere."""
    found: set[str] = set()
    if sys.platform == "linux":
        found |= _linux_addresses()
    with contextlib.suppress(OSError):  # a host whose own name does not resolve has its kernel's tables
        found |= {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return {address.split("%")[0] for address in found if not ipaddress.ip_address(address.split("%")[0]).is_loopback}


def _linux_addresses() -> set[str]:
    found: set[str] = set()
    try:
        tree = Path("/proc/net/fib_trie").read_text(encoding="ascii")
        found |= set(re.findall(r"\|-- ([\d.]+)\n\s+/32 host LOCAL", tree))
        for line in Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines():
            found.add(str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))))
    except (OSError, ValueError):
        pass  # no such table in this namespace: the resolver's answer remains
    return found
