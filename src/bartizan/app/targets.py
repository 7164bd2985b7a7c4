"""What a TARGET of the command line is: an address, a package, a configuration, a folder or a snapshot."""

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bartizan.discover.named import is_package
from bartizan.model.errors import UsageError

_ADDRESS = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):\d{1,5}")


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """Targets by what they are."""

    addresses: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.packages or self.files or self.folders)


def classify(targets: Sequence[str]) -> Targets:
    """Sort targets. A file or folder that exists is that; otherwise the form decides. Raises UsageError."""
    found: dict[str, list[str]] = {name: [] for name in ("addresses", "packages", "files", "folders")}
    for target in targets:
        found[_kind(target)].append(target)
    return Targets(**{name: tuple(values) for name, values in found.items()})


def _kind(target: str) -> str:
    path = Path(target).expanduser()
    if is_address(target):
        return "addresses"
    if is_package(target):
        return "packages"
    if path.is_dir():
        return "folders"
    if path.is_file():
        return "files"
    raise UsageError(
        f"{target!r} is no target",
        remedy="name a configuration file or folder that exists, a URL, host:port, an address or CIDR, or a package "
        "such as npm:name@1.2.3 or pypi:name==1.2.3",
    )


def is_address(target: str) -> bool:
    """Whether a target is a URL, an address, a CIDR or `host:port`."""
    if target.startswith(("http://", "https://")) or _ADDRESS.fullmatch(target):
        return True
    try:
        ipaddress.ip_network(target, strict=False)
    except ValueError:
        return False
    return True
