"""The credentials that a launch holds, as patterns that find each however it is written."""

import base64
import itertools
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote

from bartizan.model.launch import Launch
from bartizan.text.patterns import find_secrets, is_placeholder, names_credential
from bartizan.text.regex import Pattern

_SHORTEST = 8  # characters
_SHORTEST_MIXED = 6  # of a value that is no plain word
_PIECE = 64  # characters: a longer value is also found in parts
_ALPHABETS = {"+": r"[+\-]", "-": r"[+\-]", "/": "[/_]", "_": "[/_]"}  # of base64: the standard one, and that of URLs
_SHORT_ESCAPES = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def patterns_of(launch: Launch) -> list[Pattern]:
    """One pattern for each credential of a launch, the longest first.

    It matches the value as it is; each character of it behind percent signs, backslashes or as an entity, once or
    several times over; and its base64 in either alphabet, alone or within something longer; and its hexadecimal form.
    """
    values = sorted(set(_credentials(launch)), key=lambda value: (-len(value), value))
    pieces = dict.fromkeys(piece for value in values for piece in _pieces(value))
    return [Pattern(f"({'|'.join(_forms(piece))})") for piece in pieces]


def _pieces(value: str) -> Iterator[str]:
    """The value in parts of equal length, so that no pattern grows without bound and half a value is found too."""
    count = -(-len(value) // _PIECE)
    size = -(-len(value) // count)
    return (value[at : at + size] for at in range(0, len(value), size))


def _forms(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "replace")
    yield "".join(map(_written, value))
    yield f"(?i:{raw.hex()})"
    for before in range(3):
        # The characters at both ends also hold bits of the neighbours.
        text = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        whole = text[(0, 2, 3)[before] : len(text) - (1 if (before + len(raw)) % 3 else 0)]
        yield "".join(_written(one) for one in whole)


def _written(character: str) -> str:
    """A character in any of its spellings."""
    code, raw = ord(character), character.encode("utf-8", "replace")
    units = character.encode("utf-16-be", "replace")
    spelt = [
        _literal(character),
        "".join(rf"%(?:25)*(?i:{byte:02x})" for byte in raw),
        "".join(rf"\\+u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2)),
        "".join(rf"\\+x(?i:{byte:02x})" for byte in raw),
        rf"&(?:amp;)*#(?:0*{code}|[xX]0*(?i:{code:x}));",
    ]
    if character in _SHORT_ESCAPES:
        spelt.append(rf"\\+{_literal(_SHORT_ESCAPES[character])}")
    if character in _ENTITIES:
        spelt.append(f"&(?:amp;)*{_ENTITIES[character]};")
    if character == " ":
        spelt.append(r"\+")
    return f"(?:{'|'.join(spelt)})"


def _literal(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return "[\ufffd?]+"
    return _ALPHABETS.get(character) or rf"\x{{{ord(character):x}}}"


def _credentials(launch: Launch) -> Iterator[str]:
    """The values that are credentials: by the name that they stand under, or by their format."""
    command = [word.reveal() for word in launch.command]
    url = launch.url.reveal() if launch.url else ""
    values = [secret.reveal() for named in (launch.environment, launch.headers) for secret in named.values()]
    for text in (*values, *command, url):
        for span in find_secrets(text):
            yield from _long_enough(text[span.start : span.end])
    for name, value in (*_named(launch), *_options(command), *_parameters(url)):
        if names_credential(name) and not is_placeholder(value):
            yield from (part for word in (value, *value.split()[1:]) for part in _long_enough(word))


def _long_enough(value: str) -> Iterator[str]:
    """The value, and what it stands for where it is percent-encoded itself."""
    for one in {value, unquote(value)}:
        if len(one) >= (_SHORTEST if one.isalpha() else _SHORTEST_MIXED):
            yield one


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
