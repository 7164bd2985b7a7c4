"""Walking parsed documents: the values at catalogue places, and every text with the name that it stands under."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, cast

import msgspec

from bartizan.discover.credentials import redact_value
from bartizan.discover.formats import Document, Step
from bartizan.model.client import Format
from bartizan.model.credential import FoundCredential
from bartizan.model.errors import Place
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.text.patterns import find_secrets, names_credential
from bartizan.text.redaction import Redacted, redact_text

Path = tuple[Step, ...]


def at(value: Any, key: str) -> Iterator[tuple[Path, Any]]:
    """The values at a place of the catalogue: names joined by `/`, `*` for any one name or element."""
    found: list[tuple[Path, Any]] = [((), value)]
    for step in key.split("/") if key else []:
        found = [pair for path, inner in found for pair in _members(path, inner, step)]
    yield from found


def _members(path: Path, value: Any, step: str) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        if step == "*":
            yield from (((*path, name), inner) for name, inner in table.items())
        elif step in table:
            yield (*path, step), table[step]
    elif isinstance(value, list) and step == "*":
        for number, inner in enumerate(cast("list[Any]", value)):
            yield (*path, number), inner


def texts(value: Any, path: Path = (), *, without: frozenset[Path] = frozenset()) -> Iterator[tuple[Path, str]]:
    """Every text below `value`, in order, but what lies at or below a path of `without`."""
    stack: list[tuple[Path, Any]] = [(path, value)]
    while stack:
        here, one = stack.pop()
        if here in without:
            continue
        if isinstance(one, str):
            yield here, one
        elif isinstance(one, dict):
            table = cast("dict[str, Any]", one)
            stack += [((*here, name), inner) for name, inner in reversed(table.items())]
        elif isinstance(one, list):
            items = cast("list[Any]", one)
            stack += [((*here, number), inner) for number, inner in reversed(list(enumerate(items)))]


_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")  # the name of a variable, not its value


def stored_in(
    document: Document, file: str, found: Sequence[tuple[Path, str]], key: Secret
) -> Iterator[FoundCredential]:
    """Credentials in texts of a document: by vendor format, or by the name that a text stands under."""
    formatted = _with_formats([text for _, text in found])
    for number, (path, text) in enumerate(found):
        name = next((step for step in reversed(path) if isinstance(step, str)), "")
        named = bool(path) and isinstance(path[-1], str) and names_credential(name) and is_value(text)
        if named or number in formatted:
            judge = redact_value if named else _judge_text
            for credential in judge(name, text, Place(path=file), key).credentials:
                yield msgspec.structs.replace(credential, place=document.place(file, path))


def _judge_text(name: str, text: str, place: Place, key: Secret) -> Redacted:
    return redact_text(text, place, key, name=name)


def _with_formats(found: Sequence[str]) -> set[int]:
    """The numbers of the texts in which a vendor format begins, by one search over all of them."""
    starts = list(accumulate((len(text) + 1 for text in found), initial=0))
    return {bisect_right(starts, span.start) - 1 for span in find_secrets("\n".join(found))}


def is_value(text: str) -> bool:
    """Not a plain lower-case word such as `required`, nor the name of a variable."""
    return not (text.isalpha() and text.islower()) and not _VARIABLE.fullmatch(text)


def in_prose(text: str, file: str, key: Secret, limits: Limits) -> Iterator[FoundCredential]:
    """Credentials of vendor formats in a text file, each with its line."""
    text = encodable(text[: limits.file_bytes_max])
    line, counted = 1, 0
    for span in find_secrets(text):
        line, counted = line + text.count("\n", counted, span.start), span.start
        place = Place(path=file, line=line)
        yield from redact_text(text[span.start : span.end], place, key, name=span.kind).credentials


_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.\-]*)[ \t]*=[ \t]*(.*)")


def in_dotenv(text: str, file: str, key: Secret) -> Iterator[FoundCredential]:
    """Credentials of a dotenv file: `NAME=value`, quoted or not, perhaps after `export`."""
    for number, line in enumerate(encodable(text).splitlines(), 1):
        if match := _ASSIGNMENT.fullmatch(line):
            value = match[2].strip()
            value = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
            yield from redact_value(match[1], value, Place(path=file, line=number), key).credentials


def encodable(text: str) -> str:
    """A text without lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def is_structured(form: Format) -> bool:
    """Whether a file of this format is parsed."""
    return form not in {"text", "dotenv"}
