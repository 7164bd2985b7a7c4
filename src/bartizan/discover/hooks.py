"""Hooks: commands that a client runs by itself, and prompts that it gives its model, out of the forms clients have."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from bartizan.discover.walk import Path, texts

_COMMAND_NAMES = frozenset({"command", "cmd", "bash", "powershell", "script", "run", "windows", "linux", "osx"})
_PROMPT_NAMES = frozenset({"prompt", "systemmessage", "additionalcontext", "instructions"})


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """One command, the path of its text in the document, and when it runs: the client's own word for the event."""

    path: Path
    command: str
    event: str = ""
    matcher: str = ""

    def facts(self) -> dict[str, str]:
        """Event and matcher, where the client tells them."""
        return {name: told for name, told in (("event", self.event), ("matcher", self.matcher)) if told}


def hooks_of(value: Any, path: Path) -> Iterator[Hook]:
    """Commands below a `hooks` key: texts named as such, or an array of words, which is one command."""
    if isinstance(value, list) and value and all(isinstance(word, str) for word in cast("list[Any]", value)):
        event = next((step for step in reversed(path) if isinstance(step, str)), "")
        yield Hook(path=path, command=" ".join(cast("list[str]", value)), event=event)
        return
    for where, text in texts(value, path):
        if text and _name(where) in _COMMAND_NAMES:
            yield Hook(path=where, command=text, **_when(value, where[len(path) :]))


def prompts_of(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Texts that a hook gives a model, with their paths."""
    yield from ((where, text) for where, text in texts(value, path) if text and _name(where) in _PROMPT_NAMES)


def _name(where: Path) -> str:
    return next((step for step in reversed(where) if isinstance(step, str)), "").lower()


def _when(value: Any, inner: Path) -> dict[str, str]:
    """The event is the first name below the key, or said under `when`; the matcher stands on the way down."""
    event = inner[0] if len(inner) > 1 and isinstance(inner[0], str) else ""
    matcher = ""
    here: Any = value
    for step in inner:
        if isinstance(here, dict):
            table = cast("dict[str, Any]", here)
            told = table.get("when")
            if isinstance(told, dict):
                event = str(cast("dict[str, Any]", told).get("type", ""))[:100]
            if isinstance(table.get("matcher"), str):
                matcher = table["matcher"][:200]
        here = cast("Any", here)[step]
    return {"event": event[:100], "matcher": matcher}
