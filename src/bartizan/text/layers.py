"""Layers: what a text says beside what a reader sees of it. Smuggled, hidden and encoded texts, decoded and bounded.

Unicode tags and variation selectors carry bytes that nothing draws (Unicode UTS 55 section 3, the "ASCII smuggling"
reports of 2024); zero-width characters split words; bidirectional controls turn them round; escape sequences hide
lines from a terminal; comments hide from a rendered page; base64, hexadecimal, percent and rot13 hide from a reader.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import msgspec

_DEPTH_MAX = 3
_LAYERS_MAX = 64
_ENCODED_CHARACTERS_MAX = 64 * 1024


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One hidden thing: its kind, the text that it holds (empty where it holds none), its place in code points."""

    kind: str
    text: str
    start: int
    end: int


_TAGS = re.compile("[\U000e0001-\U000e007f]{4,}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{6,}")
_ZERO_WIDTH = re.compile("(?<=[A-Za-z])[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff]+(?=[A-Za-z])")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]+")
_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,20}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,2000}|[@-Z\\-_])|[\x9b\x08]")
_COMMENT = re.compile(r"<!--(.{3,4000}?)(?:-->|\Z)", re.DOTALL)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_\-=])[A-Za-z0-9+/_\-]{24,}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:0x)?((?:[0-9A-Fa-f]{2}){12,})(?![0-9A-Fa-f])|((?:\\x[0-9A-Fa-f]{2}){8,})")
_PERCENT = re.compile(r"(?:[A-Za-z0-9]{0,8}%[0-9A-Fa-f]{2}){6,}[A-Za-z0-9]{0,8}")
_ROT13 = re.compile(r"(?i)\b(?:gur|naq|lbh|vtaber|cerivbhf|vafgehpgvba|frperg|svyr|hfre|orsber)\w{0,6}\b")
_PRINTABLE_SHARE_MIN = 0.9
_SAYS = re.compile(r"(?<![A-Za-z])[A-Za-z]{2,}+[ /:@.\n][A-Za-z/~]")


def layers(text: str) -> list[Layer]:
    """Every hidden layer of a text, decoded texts of decoded texts included, at most `_LAYERS_MAX`."""
    found: list[Layer] = []
    _collect(text, 0, None, found)
    return found


def _collect(text: str, depth: int, outer: Layer | None, found: list[Layer]) -> None:
    for layer in _direct(text):
        if len(found) >= _LAYERS_MAX:
            return
        here = layer if outer is None else msgspec.structs.replace(layer, start=outer.start, end=outer.end)
        found.append(here)
        if layer.text and depth + 1 < _DEPTH_MAX:
            _collect(layer.text, depth + 1, here, found)


def _direct(text: str) -> Iterator[Layer]:
    if not text.isascii():
        yield from _matches(_TAGS, "unicode_tags", text, _from_tags)
        yield from _matches(_SELECTORS, "variation_selectors", text, _from_selectors)
        yield from _matches(_ZERO_WIDTH, "zero_width", text, lambda _: "")
        yield from _matches(_BIDI, "bidirectional", text, lambda _: "")
    if "\x1b" in text or "\x9b" in text or "\x08" in text:
        yield from _matches(_ANSI, "escape_sequence", text, lambda _: "")
    if "<!--" in text:
        yield from _matches(_COMMENT, "comment", text, lambda match: match[1].strip())
    if len(text) >= 24:
        yield from _matches(_BASE64, "base64", text, lambda match: _from_base64(match[0]))
        yield from _matches(_HEX, "hexadecimal", text, _from_hex)
        if "%" in text:
            yield from _matches(_PERCENT, "percent", text, lambda match: _told(unquote(match[0])))
        if len(_ROT13.findall(text[:_ENCODED_CHARACTERS_MAX])) >= 3:
            yield Layer(
                kind="rot13", text=codecs.decode(text[:_ENCODED_CHARACTERS_MAX], "rot13"), start=0, end=len(text)
            )


def _matches(
    pattern: re.Pattern[str], kind: str, text: str, decode: Callable[[re.Match[str]], str | None]
) -> Iterator[Layer]:
    for match in pattern.finditer(text):
        decoded = decode(match)
        if decoded is not None:
            yield Layer(kind=kind, text=decoded, start=match.start(), end=match.end())


def _from_tags(match: re.Match[str]) -> str:
    return "".join(chr(ord(one) - 0xE0000) for one in match[0] if 0xE0020 <= ord(one) <= 0xE007E)


def _from_selectors(match: re.Match[str]) -> str | None:
    raw = bytes(ord(one) - 0xFE00 if ord(one) < 0xFF00 else ord(one) - 0xE0100 + 16 for one in match[0])
    return _printable(raw) or ""


def _from_base64(word: str) -> str | None:
    body = word[:_ENCODED_CHARACTERS_MAX].rstrip("=").replace("-", "+").replace("_", "/")
    body = body[: len(body) - (len(body) % 4 == 1)]
    try:
        return _printable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return None


def _from_hex(match: re.Match[str]) -> str | None:
    digits = (match[1] or match[2].replace("\\x", ""))[:_ENCODED_CHARACTERS_MAX]
    return _printable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _printable(raw: bytes) -> str | None:
    try:
        return _told(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return None


def _told(text: str) -> str | None:
    """A text that says something: letters, mostly printable, with a blank or an address in it."""
    shown = sum(character.isprintable() or character in "\n\t" for character in text)
    says = _SAYS.search(text) is not None
    return text if text and shown / len(text) >= _PRINTABLE_SHARE_MIN and says else None
