"""A change as a difference that is safe to print: every secret a mark, every steering character shown."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

from bartizan.app.ticket import Desk
from bartizan.app.undo import Change
from bartizan.discover.credentials import redact_command, redact_value
from bartizan.discover.edit import locate, value_at
from bartizan.discover.formats import read_document
from bartizan.discover.spans import Node
from bartizan.discover.walk import is_value
from bartizan.model.client import Format
from bartizan.model.errors import Place
from bartizan.model.secret import MARK, Secret
from bartizan.text.normalise import show
from bartizan.text.redaction import redact_text

_CONTEXT_LINES = 2


def difference(change: Change, desk: Desk) -> str:
    """The unified difference of one change; of a mode two lines. Never a secret."""
    path = show(change.now.path)
    lines = [f"--- {path} (now)", f"+++ {path} (mended)"]
    if change.text is not None:
        before, after = (_Masked(desk, change.now.path, text).lines() for text in (change.now.text, change.text))
        found = list(difflib.unified_diff(before, after, n=_CONTEXT_LINES, lineterm=""))[2:]
        lines += [line[:1] + show(line[1:]) if line[:1] in "+- " else line for line in found]
    if change.mode is not None:
        lines += [f"-mode {change.now.mode:04o}", f"+mode {change.mode:04o}"]
    return "\n".join(lines)


class _Masked:
    """One text of a file with marks where it holds secrets.

    Three readings, each enough for what the others miss: the credentials that the scan saw, the values that look like
    one by their names, and the formats of vendors anywhere, in comments too.
    """

    def __init__(self, desk: Desk, path: str, text: Secret) -> None:
        self._desk, self._path = desk, path
        self._text = text.reveal().removeprefix("\ufeff")
        self._form: Format = desk.open(path).form

    def lines(self) -> list[str]:
        """The lines, without their ends."""
        text, key, seen = self._text, self._desk.key, self._seen()
        value = read_document(text, self._form).value
        for node, path in sorted(_scalars(locate(text, self._form)), key=lambda one: -one[0].start):
            inner = value_at(value, path)
            told = self._named(inner, path, value) if isinstance(inner, str) else inner
            if isinstance(told, str):
                for secret in seen:
                    told = told.replace(secret, MARK)
            if told != inner:
                text = text[: node.start] + json.dumps(told, ensure_ascii=False) + text[node.end :]
        for secret in seen:
            text = text.replace(secret, MARK)
        return [redact_text(line, Place(), key).text.removesuffix("\r") for line in text.split("\n")]

    def _seen(self) -> list[str]:
        """The texts of the credentials that the scan saw in the file, the longest first."""
        value, found = self._desk.open(self._path).value, set[str]()
        for credential, path in self._desk.credentials_in(self._path):
            span = self._desk.secret_in(credential, path, value)
            text = str(value_at(value, path))
            found.add(text[span[0] : span[1]] if span else text)
        return sorted((one for one in found if one), key=len, reverse=True)

    def _named(self, text: str, path: tuple[str | int, ...], value: Any) -> str:
        """A value with marks for what is a credential by its name, or by the option before it."""
        name = next((step for step in reversed(path) if isinstance(step, str)), "")
        if not is_value(text):
            return text
        told = redact_value(name, text, Place(), self._desk.key).text
        around = value_at(value, path[:-1])
        if told == text and isinstance(around, list) and isinstance(path[-1], int):
            before = str(around[path[-1] - 1]) if path[-1] else ""  # pyright: ignore[reportUnknownArgumentType]
            told = redact_command(["", before, text], Place(), self._desk.key)[0][-1]
        return told


def _scalars(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Node, tuple[str | int, ...]]]:
    """Every value that is no container; of a name that stands twice both, the later one under its path."""
    if node.kind == "scalar":
        yield node, path
    for member in node.members:
        yield from _scalars(member.node, (*path, member.step))
