"""This machine: its name and its own addresses."""

import contextlib
import ipaddress
import re
import socket
import sys
from pathlib import Path

from bartizan.ports import Host


def this_host() -> Host:
    """Read the host's name and addresses; no packet is sent."""
    return Host(name=socket.gethostname(), addresses=frozenset(_addresses()), users=_users())


def _users() -> dict[int, str]:
    try:
        import pwd  # noqa: PLC0415 - POSIX only
    except ImportError:
        return {}
    return {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}


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
