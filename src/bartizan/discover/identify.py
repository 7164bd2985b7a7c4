"""Which server is this? By what it starts or where it answers; never by the name it, or a client, gives it.

A server's identity is its normalised launch (package without version, or program, with its own arguments) or its URL.
So one server configured in two clients is one asset, and its process and its port find it by the same keys.
"""

import hashlib
import ipaddress
import posixpath
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import msgspec

from bartizan.discover.packages import PackageRef, package_of, pypi_name
from bartizan.discover.unwrap import run_beside
from bartizan.model.asset import AssetId


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An id, and the keys by which other observations find the same server. `weak` keys may serve when alone."""

    id: AssetId
    keys: tuple[str, ...]
    weak: tuple[str, ...] = ()


def asset_id(kind: str, *parts: str) -> AssetId:
    """A stable id: the kind and 64 bits of SHA-256 over the parts."""
    digest = hashlib.sha256(_joined(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}:{digest[:16]}"


def _joined(parts: Iterable[str]) -> str:
    """Parts with NUL between them; one within a part is escaped, so that no two lists give one text."""
    return "\0".join(part.replace("\x01", "\x01\x01").replace("\0", "\x01\x02") for part in parts)


def identify_command(command: Sequence[str], package: PackageRef | None = None) -> Identity:
    """The identity of a server started by `command`, whose secrets are already marks.

    Secrets, placeholders, versions and the runner's own options are not part of it; the server's own arguments are,
    and what a shell runs beside it.
    """
    found = package or package_of(command)
    if found.url:
        return identify_url(found.url)
    subject = subject_of(found, command)
    beside = run_beside(command)
    launch = _launch(subject, (*found.arguments, *(("\n", *beside) if beside else ())))
    return Identity(id=asset_id("server", launch), keys=(launch,), weak=(f"package:{subject}",))


def subject_of(found: PackageRef, command: Sequence[str] = ()) -> str:
    """What is started, without version and arguments: a package, a local path, or the whole command."""
    if found.ecosystem == "local":
        path = posixpath.normpath(found.path) if found.path else ""
        return f"local:{path}" if posixpath.basename(path) == found.name else f"local:{path}#{found.name}"
    if found.ecosystem == "unknown" and not found.name:
        return "command:" + _joined(_plain(word) for word in command)
    return f"{found.ecosystem}:{found.name}"


def process_keys(
    command: Sequence[str], packages: Sequence[PackageRef], directory: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of a server seen as a process, and further ones that it may have if a configuration has them.

    A process knows its folder and its resolved path where a configuration may only have a relative or bare name, so
    a bare name alone does not make two processes one.
    """
    sure = list(identify_command(command, packages[0]).keys)
    possible: list[str] = []
    for found in packages:
        possible += identify_command(command, found).keys
        if found.ecosystem == "local" and found.path:
            path = posixpath.join(directory, found.path)
            possible.append(_launch(f"local:{posixpath.normpath(path)}", found.arguments))
            if posixpath.basename(posixpath.dirname(path)) in _BIN_FOLDERS:
                name = posixpath.basename(path)
                possible += [_launch(f"{kind}:{name}", found.arguments) for kind in ("unknown", "npm")]
                possible.append(_launch(f"pypi:{pypi_name(name)}", found.arguments))
    if packages[0].ecosystem == "local" and packages[0].path and not packages[0].path.startswith("/"):
        sure = [possible[1]]
    return tuple(sure), tuple(dict.fromkeys(possible))


_LOCAL = "127.0.0.1"
_BIN_FOLDERS = {"bin", ".bin", "Scripts"}
_MARK = re.compile(r"‹[^‹›]{0,200}›|\$\{[^{}]{0,200}\}")


def _launch(subject: str, arguments: Sequence[str]) -> str:
    text = _joined((subject, *(_plain(word) for word in arguments)))
    return "launch:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _plain(word: str) -> str:
    """A word without what differs between users of one server: marks of secrets, and places to fill in."""
    return _MARK.sub("‹›", word)


def identify_url(url: str) -> Identity:
    """The identity of a server at `url`. Query, fragment and user information are not part of it."""
    normal = normalise_url(url)
    return Identity(id=asset_id("server", normal), keys=(f"url:{normal}",), weak=tuple(listen_keys(normal)))


def normalise_url(url: str) -> str:
    """Scheme, host, port (when not the scheme's own) and path; `localhost` and `::1` are `127.0.0.1`.

    Another address of 127.0.0.0/8 is another place: a process there is not the one at 127.0.0.1.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:  # no URL; nothing of it is kept that could be a secret
        return re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url.strip())[0])
    host = host_of(host)
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    shown += f":{port}" if port and port != standard else ""
    return f"{parts.scheme.lower()}://{shown}{parts.path.rstrip('/') or '/'}"


def host_of(host: str) -> str:
    """A host name or address as it is compared: the names of 127.0.0.1, and an IPv6 address that stands for IPv4."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return _LOCAL
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    address = getattr(address, "ipv4_mapped", None) or address
    return _LOCAL if str(address) == "::1" else str(address)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine only."""
    try:
        return ipaddress.ip_address(host_of(host)).is_loopback
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
    if not is_loopback(host):
        return []
    return [f"listen:{port}"] if host_of(host) == _LOCAL else [f"listen:{host_of(host)}:{port}"]
