"""Log sources: which events a rule's `logsource` means, and where the fields that it names stand in them.

The map is data (`content/detections/logsources.yml`): an entry for each log source, with names that rules use (those of
Sigma, or the product's own) and paths of OCSF objects. `prefix.*` stands for all names below it. What no entry names
is read below `unmapped`, by its native path.
"""

import re
from collections.abc import Iterable

import msgspec

from bartizan.model.conversion import conversion
from bartizan.model.errors import ContentError
from bartizan.rules.detection import Field, Path, Selector
from bartizan.rules.documents import Mistakes, read_documents

GENERIC = "json"
"""The kind of a source that no parser of ours knows: all below `unmapped`, its log source said by configuration."""

UNMAPPED = "unmapped"
_DOT = re.compile(r"(?<!\\)\.")


class LogSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sigma's log source; what is not said is empty."""

    product: str = ""
    category: str = ""
    service: str = ""

    @property
    def parts(self) -> tuple[str, str, str]:
        """Product, category, service, in lower case."""
        return self.product.lower(), self.category.lower(), self.service.lower()

    def __str__(self) -> str:
        return "/".join(self.parts)


def lies_in(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """Whether a log source (product, category, service) is one of those that another, less exact one means."""
    return all(not wide or narrow == wide for narrow, wide in zip(inner, outer, strict=True))


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a log source, and `also` others, are in our events. `kinds: [json]`: no parser of ours brings it.

    `where` holds paths and their values, `fields` names and their paths: one, or several of which the first that has a
    value counts. `any_case`: rules and records write names in letters of either case.
    """

    product: str = ""
    category: str = ""
    service: str = ""
    also: tuple[LogSource, ...] = ()
    kinds: frozenset[str] = frozenset()
    classes: frozenset[int] = frozenset()
    activities: frozenset[int] = frozenset()
    where: dict[str, str | tuple[str, ...]] = {}
    any_case: bool = False
    fields: dict[str, str | tuple[str, ...]] = {}

    @property
    def logs(self) -> tuple[LogSource, ...]:
        """All log sources that it describes."""
        return LogSource(product=self.product, category=self.category, service=self.service), *self.also


class Source:
    """One log source: the selector of its events, and the fields that its rules name."""

    def __init__(self, log: LogSource, entry: Entry | None) -> None:
        self.log, self.known = log, entry is not None
        self.entry = entry or Entry(kinds=frozenset({GENERIC}))
        self.any_case = self.entry.any_case
        named = {self._key(name): _paths(told) for name, told in self.entry.fields.items()}
        self._spelt = {name.lower(): name for name in self.entry.fields if not name.endswith(".*")}
        self._names = {name: paths for name, paths in named.items() if not name.endswith(".*")}
        self._prefixes = sorted(
            ((name[:-1], paths) for name, paths in named.items() if name.endswith(".*")),
            key=lambda one: -len(one[0]),
        )

    def _key(self, name: str) -> str:
        return name.lower() if self.any_case else name

    @property
    def selector(self) -> Selector:
        """Which events the rules of this log source are asked about."""
        entry = self.entry
        return Selector(
            kinds=entry.kinds,
            classes=entry.classes,
            activities=entry.activities,
            where={split(path): (told,) if isinstance(told, str) else told for path, told in entry.where.items()},
            log=self.log.parts,
        )

    def field(self, name: str) -> Field:
        """The field that a rule names so: where the map says, and then below `unmapped`, nested or with dots."""
        mapped = self._mapped(self._key(name))
        return Field(name=name, paths=tuple(dict.fromkeys((*mapped, *_unmapped(name)))), any_case=self.any_case)

    def spelt(self, name: str) -> str:
        """How the map writes a name, whatever its case; empty where it does not have it."""
        return self._spelt.get(name.lower(), "") if not self._mapped(self._key(name)) else name

    def _mapped(self, key: str) -> tuple[Path, ...]:
        if key in self._names:
            return self._names[key]
        for prefix, paths in self._prefixes:
            if key.startswith(prefix):
                rest = tuple(key[len(prefix) :].split("."))
                return tuple((*path[:-1], *rest) for path in paths)
        # What is known of any event stands there: whose credential, which server (`detect/enrich.py`).
        return (tuple(key.split(".")),) if key.startswith(_KNOWN) else ()


_KNOWN = "mcp."


def split(path: str) -> Path:
    r"""A path as it is written, `a.b`, into its keys; a dot of a key itself is written `\.`."""
    return tuple(key.replace("\\.", ".") for key in _DOT.split(path))


def _paths(told: str | tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(split(path) for path in ((told,) if isinstance(told, str) else told))


def _unmapped(name: str) -> Iterable[Path]:
    yield (UNMAPPED, *name.split("."))
    if "." in name:
        yield (UNMAPPED, name)


class LogSources:
    """All entries. A log source that none names can still be brought by a source of kind `json`."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {log.parts: entry for entry in entries for log in entry.logs}
        self._sources: dict[tuple[str, str, str], Source] = {}

    def source(self, log: LogSource) -> Source:
        """The log source that a rule names."""
        if log.parts not in self._sources:
            self._sources[log.parts] = Source(log, self._entries.get(log.parts))
        return self._sources[log.parts]

    def all(self) -> list[Source]:
        """Every log source that has an entry, in order."""
        return [
            self.source(LogSource(product=product, category=category, service=service))
            for product, category, service in sorted(self._entries)
        ]


def load_log_sources(files: dict[str, str]) -> LogSources:
    """The entries of files such as `logsources.yml`. Raises ContentError with every mistake of every file."""
    mistakes: Mistakes = []
    entries: dict[tuple[str, str, str], Entry] = {}
    for path, text in sorted(files.items()):
        documents, wrong = read_documents(path, text)
        mistakes += wrong
        for document in documents:
            found, wrong_values = conversion(document.value, list[Entry])
            mistakes += document.located(wrong_values)
            for number, entry in enumerate(found or ()):
                for log in entry.logs:
                    if log.parts in entries:
                        mistakes.append((document.place(number), f"the log source {log} twice"))
                    entries[log.parts] = entry
    if mistakes:
        raise ContentError(mistakes)
    return LogSources(entries.values())
