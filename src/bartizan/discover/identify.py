"""Which server is this? By what it starts or where it answers; never by the name it, or a client, gives it.

A server's identity is its normalised launch (package without version, or program, with its own arguments) or its URL.
So one server configured in two clients is one asset, and its process and its port find it by the same keys.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from bartizan.discover.packages import PackageRef, package_of
from bartizan.model.asset import AssetId


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An id, and the keys by which other observations find the same server. `weak` keys may serve when alone."""

    id: AssetId
    keys: tuple[str, ...]
    weak: tuple[str, ...] = ()


def asset_id(kind: str, *parts: str) -> AssetId:
    """A stable id: the kind and 64 bits of SHA-256 over the parts."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}:{digest[:16]}"


def identify_command(command: Sequence[str], package: PackageRef | None = None) -> Identity:
    """The identity of a server started by `command`, whose secrets are already marks."""
    found = package or package_of(command)
    if found.url:
        return identify_url(found.url)
    subject = f"{found.ecosystem}:{found.name}" if found.ecosystem != "local" else f"local:{found.path}"
    if found.ecosystem == "unknown" and not found.name:
        subject = "command:" + "\0".join(command)
    launch = (
        "launch:"
        + hashlib.sha256("\0".join((subject, *found.arguments)).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    )
    return Identity(id=asset_id("server", launch), keys=(launch,), weak=(f"package:{subject}",))


def identify_url(url: str) -> Identity:
    """The identity of a server at `url`. Query, fragment and user information are not part of it."""
    normal = normalise_url(url)
    return Identity(id=asset_id("server", normal), keys=(f"url:{normal}",), weak=tuple(listen_keys(normal)))


def normalise_url(url: str) -> str:
    """Scheme, host, port (when not the scheme's own) and path; every loopback name is `127.0.0.1`."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url.strip()
    if is_loopback(host):
        host = "127.0.0.1"
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    shown += f":{port}" if port and port != standard else ""
    return f"{parts.scheme.lower()}://{shown}{parts.path.rstrip('/') or '/'}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine only."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def port_of(url: str) -> tuple[str, int]:
    """Host and port of a URL, the scheme's own where none is written; an empty host where it has none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return "", 0


def listen_keys(url: str) -> list[str]:
    """The key of the port on this machine that serves a loopback URL."""
    host, port = port_of(url)
    return [f"listen:{port}"] if is_loopback(host) else []
