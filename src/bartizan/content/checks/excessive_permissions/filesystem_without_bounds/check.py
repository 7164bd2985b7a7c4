"""Judge a file server by the folders that its launch allows."""

import re
from collections.abc import Iterator

from bartizan.content.command import command_of
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object, as_text
from bartizan.rules.check import Sight

_FILES = re.compile(r"file[-_ ]?(system|s|ops|operator|manager)|\bfs\b", re.IGNORECASE)
_WIDE = re.compile(
    r"/|~/?|\$\{?HOME\}?/?|%USERPROFILE%\\?|\$\{userHome\}/?|/root/?|/(?:home|Users)(?:/[^/]+)?/?|/etc/?|"
    r"[A-Za-z]:[\\/]*|[A-Za-z]:[\\/]Users(?:[\\/][^\\/]+)?[\\/]?"
)


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each folder that is no bound."""
    package = as_text(as_object(subject.attributes.get("package")).get("name"))
    if not _FILES.search(f"{package} {subject.name}"):
        return
    for word in dict.fromkeys(command_of(subject)[1:]):
        folder = word.rpartition("=")[2] if word.startswith("-") else word
        if _WIDE.fullmatch(folder):
            yield Sight(
                message=f"{subject.name} may work in all of {folder}",
                detail=folder,
                place=subject.places[0] if subject.places else None,
                evidence=word,
            )
