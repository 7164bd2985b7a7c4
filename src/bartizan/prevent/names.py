"""Names that policy permits: exact ones in a set, and those with `*`."""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote


class Names:
    """`get_*` matches `get_file`; `*` matches every name. No other sign is special, and case counts."""

    __slots__ = ("_all", "_exact", "_wild")

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = tuple(patterns)
        self._all = "*" in patterns
        self._exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
        self._wild = tuple(tuple(pattern.split("*")) for pattern in patterns if "*" in pattern)

    def __bool__(self) -> bool:
        return bool(self._exact or self._wild)

    def matches(self, name: str) -> bool:
        """Whether a pattern is this name. The time is linear in it."""
        if self._all or name in self._exact:
            return True
        for parts in self._wild:  # noqa: SIM110 - this is asked of every call: a generator takes twice the time
            if _fits(parts, name):
                return True
        return False

    def matches_uri(self, uri: str) -> bool:
        """As `matches`; but a pattern with `*` matches no URI that could lead out of what the pattern shows."""
        return uri in self._exact or (bool(self._wild) and steady(uri) and self.matches(uri))

    def matches_reading(self, uri: str) -> bool:
        """Whether a pattern is this URI as it stands, or as a server may read it."""
        return self.matches(uri) or self.matches(plain(uri))

    def could_match(self, template: str) -> bool:
        """Whether some URI of a template (RFC 6570) may match: their beginnings agree up to its first variable."""
        fixed, variable, _ = template.partition("{")
        if not variable:
            return self.matches_uri(template)
        if any(uri.startswith(fixed) for uri in self._exact):
            return True
        return any(parts[0].startswith(fixed) or fixed.startswith(parts[0]) for parts in self._wild)


def _fits(parts: tuple[str, ...], name: str) -> bool:
    first, *middle, last = parts
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def plain(uri: str) -> str:
    """A URI without percent-encoding, however often it was applied."""
    for _ in range(3):
        uri, before = unquote(uri), uri
        if uri == before:
            break
    return uri


@lru_cache(maxsize=4096)
def steady(uri: str) -> bool:
    """Whether every reader of a URI ends at the same place: no dot or empty segments, no separators in disguise."""
    once = unquote(uri)
    if once.count("/") != uri.count("/") or unquote(once) != once:  # encoded twice: nobody writes so in good faith
        return False
    if "\\" in once or not once.isprintable():
        return False
    path = once.replace("?", "/").replace("#", "/").partition("://")[2] or once
    segments = path.removeprefix("/").removesuffix("/").split("/")
    return not {"..", ".", ""} & set(segments) or path in {"", "/"}
