"""IRI references (RFC 3987): what a BOM takes as an endpoint."""

import ipaddress
import re
from urllib.parse import SplitResult, quote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REST = "!$&'()*+,;=:@/"


def iri(url: str) -> str:
    """This URL with everything escaped that may not stand in one; empty when it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not _SCHEME.fullmatch(parts.scheme) or not host:
        return ""
    authority = _authority(parts, host, port)
    tail = (f"?{_escaped(parts.query, _REST + '?')}" if parts.query else "") + (
        f"#{_escaped(parts.fragment, _REST + '?')}" if parts.fragment else ""
    )
    path = _escaped(parts.path, _REST)
    return f"{parts.scheme}://{authority}{path if path.startswith('/') or not path else '/' + path}{tail}"


def _authority(parts: SplitResult, host: str, port: int | None) -> str:
    user, at, _ = parts.netloc.rpartition("@")
    try:
        shown = f"[{ipaddress.IPv6Address(host)}]"
    except ValueError:
        shown = _escaped(host, "!$&'()*+,;=")
    return (f"{_escaped(user, _REST.replace('/', '').replace('@', ''))}{at}" if at else "") + shown + (
        f":{port}" if port is not None else ""
    )  # fmt: skip


def _escaped(text: str, safe: str) -> str:
    """Percent-encoded but for `safe`; an escape that stands there already stays."""
    kept = _PERCENT.sub("%25", text.encode("utf-8", "replace").decode())
    return quote(kept, safe=safe + "%")
