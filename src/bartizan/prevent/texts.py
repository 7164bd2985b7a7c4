"""The texts of a message: every decoded string that a model may read, names of members too, with its place."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from bartizan.model.limits import DEFAULT
from bartizan.protocol.relay.editing import pointer

_BINARY = frozenset({"image", "audio"})  # content whose `data` is Base64 of no text
_JOINED = "\n\n"  # a sentence ends where a text ends


class Text(NamedTuple):
    """A string and the JSON Pointer to it; `key` where it is the name of the member at the pointer."""

    pointer: str
    text: str
    key: bool = False


def texts(value: Any, at: str = "") -> list[Text]:
    """The texts below a value, in the order in which they stand. Numbers and Base64 of pictures are none."""
    return list(_texts(value, at, DEFAULT.json_depth_max))


def _texts(value: Any, at: str, depth: int) -> Iterator[Text]:
    if isinstance(value, str):
        if value:
            yield Text(at, value)
    elif depth == 0:  # nothing deeper was read into a message (`json_depth_max`)
        return
    elif isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        skipped = "data" if members.get("type") in _BINARY else None
        for name, inner in members.items():
            here = at + pointer(name)
            if name:
                yield Text(here, name, key=True)
            if name != skipped and isinstance(inner, str | dict | list):
                yield from _texts(inner, here, depth - 1)
    elif isinstance(value, list):
        for number, inner in enumerate(cast("list[Any]", value)):
            if isinstance(inner, str | dict | list):
                yield from _texts(inner, f"{at}/{number}", depth - 1)


class Joined:
    """Many texts as one, so that they are judged in one pass and what is split over them is seen whole."""

    def __init__(self, parts: list[Text]) -> None:
        self.parts = parts
        self.text = _JOINED.join(part.text for part in parts)
        self._starts: list[int] = []

    def spans(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """A span of the whole as spans of its parts: number of the part, start and end in it."""
        if not self._starts:
            at = 0
            for part in self.parts:
                self._starts.append(at)
                at += len(part.text) + len(_JOINED)
        number = max(0, bisect_right(self._starts, start) - 1)
        while number < len(self.parts) and self._starts[number] < end:
            begin, length = self._starts[number], len(self.parts[number].text)
            one, two = max(0, start - begin), min(length, end - begin)
            if one < two:
                yield number, one, two
            number += 1
