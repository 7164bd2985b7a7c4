"""Advisories in the form of OSV (1.x), as an organisation keeps them offline, for npm and PyPI."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bartizan.content.intel.versions import Ecosystem, compare, is_exact
from bartizan.model.json import JsonObject, as_array, as_object, as_text

_ECOSYSTEMS: dict[str, Ecosystem] = {"npm": "npm", "pypi": "pypi"}
_SUMMARY_CHARACTERS_MAX = 300


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Versions from `introduced` on (`0`: the first), before `fixed` or up to `last`; without either without end."""

    introduced: str = "0"
    fixed: str = ""
    last: str = ""

    def holds(self, version: str, ecosystem: Ecosystem) -> bool:
        """Whether an exact version lies in it."""
        after = self.introduced == "0" or compare(version, self.introduced, ecosystem) in {0, 1}
        if self.last:
            return after and compare(version, self.last, ecosystem) in {-1, 0}
        return after and (not self.fixed or compare(version, self.fixed, ecosystem) == -1)


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """What one advisory says of one package. Ids that begin with MAL- are of packages that attack."""

    ids: tuple[str, ...]
    ecosystem: Ecosystem
    name: str
    summary: str = ""
    spans: tuple[Span, ...] = ()
    versions: frozenset[str] = frozenset()

    @property
    def malicious(self) -> bool:
        """Whether the package is one that attacks its users."""
        return any(one.startswith("MAL-") for one in self.ids)

    def holds(self, version: str) -> bool:
        """Whether it is of this exact version."""
        return version in self.versions or (
            is_exact(version, self.ecosystem) and any(span.holds(version, self.ecosystem) for span in self.spans)
        )


def read_advisories(documents: Iterable[Any]) -> list[Advisory]:
    """Advisories of OSV documents. What is none, is withdrawn, or is of another ecosystem, is left out."""
    return [one for document in documents for one in _advisories(document)]


def _advisories(document: Any) -> Iterator[Advisory]:
    if isinstance(document, list):
        for one in as_array(document):
            yield from _advisories(one)
        return
    told = as_object(document)
    identity = as_text(told.get("id"))
    if not identity or told.get("withdrawn"):
        return
    ids = (identity, *(as_text(one) for one in as_array(told.get("aliases")) if isinstance(one, str)))
    summary = (as_text(told.get("summary")) or as_text(told.get("details")))[:_SUMMARY_CHARACTERS_MAX]
    for affected in map(as_object, as_array(told.get("affected"))):
        package = as_object(affected.get("package"))
        ecosystem = _ECOSYSTEMS.get(as_text(package.get("ecosystem")).lower())
        if ecosystem and as_text(package.get("name")):
            yield Advisory(
                ids=ids,
                ecosystem=ecosystem,
                name=as_text(package["name"]).lower(),
                summary=summary,
                spans=tuple(span for one in as_array(affected.get("ranges")) for span in _spans(as_object(one))),
                versions=frozenset(one for one in as_array(affected.get("versions")) if isinstance(one, str)),
            )


def _spans(ranges: JsonObject) -> Iterator[Span]:
    """Each `introduced` with the `fixed` or `last_affected` that follows it. Commits of git are no versions."""
    if ranges.get("type") == "GIT":
        return
    since = ""
    for event in map(as_object, as_array(ranges.get("events"))):
        if introduced := as_text(event.get("introduced")):
            if since:
                yield Span(introduced=since)
            since = introduced
        fixed, last = as_text(event.get("fixed")), as_text(event.get("last_affected"))
        if since and (fixed or last):
            yield Span(introduced=since, fixed=fixed, last=last)
            since = ""
    if since:
        yield Span(introduced=since)
