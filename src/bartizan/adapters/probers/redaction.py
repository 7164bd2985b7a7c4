"""Keeps the secrets that a server was given, and those of known formats, out of what is kept of it."""

import itertools
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import parse_qsl

from bartizan.model.launch import Launch
from bartizan.model.secret import MARK
from bartizan.text.patterns import find_secrets, is_placeholder, names_credential, without_secrets

_SHORTEST = 8


class Redactor:
    """Replaces by a mark: the credentials of one launch, and in free text whatever looks like a secret."""

    def __init__(self, launch: Launch) -> None:
        self._values = sorted(set(_credentials(launch)), key=len, reverse=True)
        self.hits = 0

    def text(self, text: str) -> str:
        """Free text, such as standard error or an error message."""
        return without_secrets(self._known(text))

    def json(self, value: Any) -> Any:
        """The server's own JSON: only what it was given is replaced, and what has none of it is the same object."""
        if isinstance(value, str):
            marked = self._known(value)
            self.hits += marked is not value
            return marked
        if isinstance(value, list):
            items = cast("list[Any]", value)
            marked = [self.json(item) for item in items]
            return marked if any(a is not b for a, b in zip(marked, items, strict=True)) else items
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value)
            changed = {self._known(name): self.json(item) for name, item in pairs.items()}
            same = all(changed.get(name) is item for name, item in pairs.items())
            return pairs if same else changed
        return value

    def _known(self, text: str) -> str:
        for value in self._values:
            if value in text:
                text = text.replace(value, MARK)
        return text


def _credentials(launch: Launch) -> Iterable[str]:
    """The values that are credentials: by the name that they stand under, or by their format."""
    command = [word.reveal() for word in launch.command]
    url = launch.url.reveal() if launch.url else ""
    values = [secret.reveal() for named in (launch.environment, launch.headers) for secret in named.values()]
    for text in (*values, *command, url):
        yield from (text[span.start : span.end] for span in find_secrets(text) if span.end - span.start >= _SHORTEST)
    for name, value in (*_named(launch), *_options(command), *_parameters(url)):
        if names_credential(name) and not is_placeholder(value):
            yield from (word for word in (value, *value.split()[1:]) if len(word) >= _SHORTEST)


def _named(launch: Launch) -> Iterable[tuple[str, str]]:
    for values in (launch.environment, launch.headers):
        yield from ((name, secret.reveal()) for name, secret in values.items())


def _options(command: list[str]) -> Iterable[tuple[str, str]]:
    """`--name=value`, `NAME=value`, and `--name value`."""
    for before, word in itertools.pairwise(command):
        name, equals, value = word.partition("=")
        if equals:
            yield name.lstrip("-"), value
        elif before.startswith("-") and "=" not in before:
            yield before.lstrip("-"), word


def _parameters(url: str) -> Iterable[tuple[str, str]]:
    _, _, query = url.partition("?")
    return parse_qsl(query, max_num_fields=None)
