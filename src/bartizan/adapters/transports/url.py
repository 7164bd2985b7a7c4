"""Which URLs are one place."""

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port (RFC 6454); None for what has none of that, or user information in it."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port


def same_origin(one: str, other: str) -> bool:
    """Whether both are HTTP URLs of one origin."""
    return (first := origin(one)) is not None and first == origin(other)
