"""Layers: what a text says beside what a reader sees of it. Smuggled, hidden and encoded texts, decoded and bounded.

Unicode tags and variation selectors carry bytes that nothing draws (Unicode UTS 55 section 3, the "ASCII smuggling"
reports of 2024); zero-width characters split words; bidirectional controls turn them round; escape sequences hide
lines from a terminal; comments and styles hide from a rendered page; base64, base32, hexadecimal, percent, character
references, escapes, rot13, reversed and spaced letters hide from a reader.

Most texts hold none: RE2 says in one pass which kinds could be there, and only those are looked for.
"""

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import msgspec

from bartizan.text import regex

_DEPTH_MAX = 3
_LAYERS_MAX = 1_000
_HIDDEN_CHARACTERS_MIN = 12
_STEERING = "\x1b\x9b\x08"


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
_INVISIBLE = regex.Finder(
    r"([\x{ad}\x{180e}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{fe00}-\x{fe0f}\x{feff}\x{e0001}-\x{e01ef}])"
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,20}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,2000}|[@-Z\\-_])|[\x9b\x08]")
_UNSEEN = regex.Pattern(
    r"(?i)(<[a-z]\w{0,20}\s[^<>]{0,300}(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](?:px|pt|em)?\s*[;\"']"
    r"|opacity\s*:\s*0(?:\.0+)?\s*[;\"']|color\s*:\s*(?:#f{3,6}|white|transparent)\b|\bhidden\b)[^<>]{0,300}>)"
)
_UNSEEN_CHARACTERS_MAX = 4_000
_COLOUR = re.compile(r"\x1b\[(?:(?!0*8[;m])[0-9]{1,3}[;:]?)*m")  # 8 draws nothing: that hides
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{24,}={0,6}(?![A-Za-z0-9])")
_HEX = re.compile(r"[0-9A-Fa-f]{24,}")
_HEX_ESCAPES = re.compile(r"(?:\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|=[0-9A-F]{2}){8,}")
_HEX_PAIRS = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[ :,-]){11,}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_PERCENT = re.compile(r"(?:[A-Za-z0-9]{0,20}%[0-9A-Fa-f]{2}){6,}[A-Za-z0-9]{0,20}")
_REFERENCES = re.compile(r"(?:&#(?:\d{2,3}|x[0-9A-Fa-f]{2});\s?){8,}")
_SPACED = re.compile(r"(?<![A-Za-z])(?:[A-Za-z]([ .\-_*|·]))(?:[A-Za-z]\1{1,3}){6,}[A-Za-z](?![A-Za-z])")
_CODES = re.compile(r"(?<!\d)(?:(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])[ ,]+){11,}\d{2,3}(?!\d)")
_ROT13_WORDS = (
    r"(?i)\b(?:gur|naq|lbh|vtaber|cerivbhf|vafgehpgvbaf?|frperg|svyr|hfre|orsber|cyrnfr|cnffjbeq|flfgrz|lbhe|guvf|gung"
    r"|sebz|jvgu|gurz|ernq|fraq)\b"
)
_REVERSED_WORDS = (
    r"(?i)\b(?:erongi|suoiverp|snoitcurtsni|tpmorp|drowssap|terces|laever|metsys|tegrof|elif|resu|dnes|eht|lla)\b"
)
_LEET_WORD = r"(?i)\b[a-z]*(?:[a-z][013457@$][a-z]|[01345@$][a-z]{2}|[a-z]{2}[013457@$]\b)[a-z013457@$]*"
# Numbered as the readers in `_HIDDEN` below.
_POSSIBLE = regex.OnePassSet(
    (
        r"[A-Za-z0-9+/_\-]{24}",
        r"(?:[0-9A-Fa-f]{2}[ :,-]){11}",
        r"(?:\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|=[0-9A-F]{2}){8}",
        r"(?:%[0-9A-Fa-f]{2}[A-Za-z0-9]{0,20}){6}",
        r"(?:&#(?:\d{2,3}|x[0-9A-Fa-f]{2});\s?){8}",
        r"(?:[A-Za-z][ .\-_*|·]{1,3}){7}",
        r"(?:\d{2,3}[ ,]{1,2}){11}",
        rf"{_ROT13_WORDS}(?s:.)*{_ROT13_WORDS}(?s:.)*{_ROT13_WORDS}",
        rf"{_REVERSED_WORDS}(?s:.)*{_REVERSED_WORDS}(?s:.)*{_REVERSED_WORDS}",
        rf"(?:{_LEET_WORD}(?s:.)*){{3}}",
        r"<!--",
        r"(?i)<\w{1,20}\s[^>]*(?:display|visibility|font-size|opacity|color|hidden)",
    )
)


def layers(text: str) -> list[Layer]:
    """Every hidden layer of a text, decoded texts of decoded texts included.

    Layers without a text are told once of each kind. Where there are more than `_LAYERS_MAX`, or deeper ones than are
    read, the last one is of the kind `unread`: what is not read is no reason to call a text clean.
    """
    found: list[Layer] = []
    unread = _collect(text, 0, None, found)
    return [*found, Layer(kind="unread", text="", start=0, end=len(text))] if unread else found


def may_hide(text: str) -> bool:
    """Whether there could be a layer: the quick question, also for many texts joined by line feeds."""
    return (
        (not text.isascii() and _INVISIBLE.first(text) is not None)
        or any(one in text for one in _STEERING)
        or (len(text) >= _HIDDEN_CHARACTERS_MIN and bool(_POSSIBLE.matching(text)))
    )


def _collect(text: str, depth: int, outer: Layer | None, found: list[Layer]) -> bool:
    """Whether something is left that was not read."""
    unread = False
    empty: set[str] = set()
    for layer in _direct(text):
        if not layer.text and layer.kind in empty:
            continue
        if len(found) >= _LAYERS_MAX:
            return True
        here = layer if outer is None else msgspec.structs.replace(layer, start=outer.start, end=outer.end)
        found.append(here)
        if not layer.text:
            empty.add(layer.kind)
        elif depth + 1 < _DEPTH_MAX:
            unread = _collect(layer.text, depth + 1, here, found) or unread
        else:
            unread = unread or (layer.kind in ENCODED and any(one.kind in ENCODED for one in _direct(layer.text)))
    return unread


def _direct(text: str) -> Iterator[Layer]:
    if not text.isascii() and _INVISIBLE.first(text):
        yield from _matches(_TAGS, "unicode_tags", text, _from_tags)
        yield from _matches(_SELECTORS, "variation_selectors", text, _from_selectors)
        yield from _matches(_ZERO_WIDTH, "zero_width", text, lambda _: "")
        yield from _matches(_BIDI, "bidirectional", text, lambda _: "")
    if any(one in text for one in _STEERING):
        for match in _ANSI.finditer(text):
            kind = "colour" if _COLOUR.fullmatch(match[0]) else "escape_sequence"
            yield Layer(kind=kind, text="", start=match.start(), end=match.end())
    if len(text) >= _HIDDEN_CHARACTERS_MIN:
        for number in _POSSIBLE.matching(text):
            yield from _HIDDEN[number](text)


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


_NOT_OF_A_RUN = bytes(
    code for code in range(256) if not (chr(code).isascii() and (chr(code).isalnum() or chr(code) in "+/_-="))
)
_RUNS_ONLY = bytes.maketrans(_NOT_OF_A_RUN, b" " * len(_NOT_OF_A_RUN))
_TEXTUAL = bytes((9, 10, 13, *range(32, 127), *range(0x80, 0xF5)))
_RUN_MIN = 24


def _runs(text: str) -> Iterator[Layer]:
    """Base64, base32 and hexadecimal: long runs without a blank. Most are digests and ids, which say nothing."""
    split = text.encode("utf-8", "replace").translate(_RUNS_ONLY).split()
    start = 0
    for run in dict.fromkeys(run for run in split if len(run) >= _RUN_MIN):
        for kind, told in _decoded(run):
            start = text.find(run.decode(), start)  # in the order in which they stand: never from the beginning again
            yield Layer(kind=kind, text=told, start=start, end=start + len(run))


def _decoded(run: bytes) -> Iterator[tuple[str, str]]:
    body = run.strip(b"=")
    plain = body.replace(b"-", b"+").replace(b"_", b"/")
    if _may_tell(lambda: binascii.a2b_base64(plain[:24])):
        plain = plain[: len(plain) - (len(plain) % 4 == 1)]
        told = _safely(lambda: _printable(base64.b64decode(plain + b"=" * (-len(plain) % 4))))
        if told:
            yield "base64", told
    for match in _HEX.finditer(body.decode()):
        digits = match[0]
        if _may_tell(lambda digits=digits: bytes.fromhex(digits[:24])):
            told = _printable(bytes.fromhex(digits[: len(digits) // 2 * 2]))
            if told:
                yield "hexadecimal", told
    if _BASE32.fullmatch(body.decode()):
        told = _safely(lambda: _printable(base64.b32decode(body + b"=" * (-len(body) % 8))))
        if told:
            yield "base32", told


def _may_tell(head: Callable[[], bytes]) -> bool:
    """Whether the first bytes could be text: the quick question that digests answer with no."""
    try:
        return not head().translate(None, _TEXTUAL)
    except (binascii.Error, ValueError):
        return False


def _safely(decode: Callable[[], str | None]) -> str | None:
    try:
        return decode()
    except (binascii.Error, ValueError):
        return None


def _from_pairs(match: re.Match[str]) -> str | None:
    return _printable(bytes.fromhex(re.sub(r"[^0-9A-Fa-f]", "", match[0])))


def _from_escapes(match: re.Match[str]) -> str | None:
    return _printable(bytes.fromhex(re.sub(r"\\x|\\u00|=", "", match[0])))


def _from_codes(match: re.Match[str]) -> str | None:
    numbers = [int(one) for one in re.findall(r"\d+", match[0])]
    return _printable(bytes(one for one in numbers if one < 256))


def _from_spaced(match: re.Match[str]) -> str | None:
    """Words spelled letter by letter: a wider gap parts two words."""
    separator = re.escape(match[1])
    words = re.split(f"{separator}{{2,}}", match[0])
    return " ".join(re.sub(separator, "", word) for word in words)


def _comments(text: str) -> Iterator[Layer]:
    """What stands between `<!--` and `-->`; without an end, the rest, as a browser reads it."""
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start + 4)
        inner = text[start + 4 : end if end >= 0 else len(text)].strip()
        if inner:
            yield Layer(kind="comment", text=inner, start=start, end=end + 3 if end >= 0 else len(text))
        start = text.find("<!--", end + 3) if end >= 0 else -1


def _unseen_elements(text: str) -> Iterator[Layer]:
    """The text of elements that a page does not draw, or draws in the colour of its ground."""
    for start, end in _UNSEEN.groups(text):
        close = text.find("</", end, end + _UNSEEN_CHARACTERS_MAX)
        inner = text[end : close if close >= 0 else end + _UNSEEN_CHARACTERS_MAX].strip()
        if inner:
            yield Layer(kind="unseen_element", text=inner, start=start, end=end + len(inner))


def _whole(kind: str, decode: Callable[[str], str]) -> Callable[[str], Iterator[Layer]]:
    def read(text: str) -> Iterator[Layer]:
        yield Layer(kind=kind, text=decode(text), start=0, end=len(text))

    return read


def _each(
    pattern: re.Pattern[str], kind: str, decode: Callable[[re.Match[str]], str | None]
) -> Callable[[str], Iterator[Layer]]:
    return lambda text: _matches(pattern, kind, text, decode)


_LEET = str.maketrans("013457@$", "oieastas")
_LEET_WORDS = re.compile(_LEET_WORD)
# Layers that are the whole text, spelled otherwise: what they say tells only where the text does not say it itself.
RESPELLED = frozenset({"rot13", "reversed", "leet"})
# Layers that somebody encoded, so that a reader does not read them.
ENCODED = frozenset(
    {"base64", "base32", "hexadecimal", "percent", "character_references", "character_codes", "spaced_letters"}
)
_HIDDEN: tuple[Callable[[str], Iterator[Layer]], ...] = (
    _runs,
    _each(_HEX_PAIRS, "hexadecimal", _from_pairs),
    _each(_HEX_ESCAPES, "hexadecimal", _from_escapes),
    _each(_PERCENT, "percent", lambda match: _told(unquote(match[0]))),
    _each(_REFERENCES, "character_references", lambda match: _told(html.unescape(match[0]))),
    _each(_SPACED, "spaced_letters", _from_spaced),
    _each(_CODES, "character_codes", _from_codes),
    _whole("rot13", lambda text: codecs.decode(text, "rot13")),
    _whole("reversed", lambda text: text[::-1]),
    _whole("leet", lambda text: _LEET_WORDS.sub(lambda match: match[0].translate(_LEET), text)),
    _comments,
    _unseen_elements,
)
_PRINTABLE_SHARE_MIN = 0.9
_SAYS = re.compile(r"(?<![A-Za-z])[A-Za-z]{2,}+[ /:@.\n][A-Za-z/~]")


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
