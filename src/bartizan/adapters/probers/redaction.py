"""Keeps the secrets that a server was given, and those of known formats, out of what is kept of it."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from bartizan.model.launch import Launch
from bartizan.model.secret import MARK, Secret
from bartizan.text.patterns import find_secrets, is_placeholder, names_credential

_SHORTEST = 8


class Redactor:
    """Replaces by a mark: the credentials of one launch, and in free text whatever looks like a secret."""

    def __init__(self, launch: Launch) -> None:
        self._values = sorted(set(_credentials(launch)), key=len, reverse=True)
        self.hits = 0

    def text(self, text: str) -> str:
        """Free text, such as standard error or an error message."""
        text = self._known(text)
        parts, end = list[str](), 0
        for span in find_secrets(text):
            parts += [text[end : span.start], MARK]
            end = span.end
        return "".join(parts) + text[end:]

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
    """The values that are credentials: by their name, by their format, or parts of such a header."""
    named: list[Mapping[str, Secret]] = [launch.environment, launch.headers]
    for values in named:
        for name, secret in values.items():
            value = secret.reveal()
            if len(value) >= _SHORTEST and not is_placeholder(value) and names_credential(name):
                yield value
                yield from (word for word in value.split() if len(word) >= _SHORTEST * 2)
            yield from _formats(value)
    for secret in (*launch.command, *([launch.url] if launch.url else [])):
        yield from _formats(secret.reveal())


def _formats(value: str) -> Iterable[str]:
    return (value[span.start : span.end] for span in find_secrets(value) if span.end - span.start >= _SHORTEST)
