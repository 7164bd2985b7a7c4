"""Secrets and session tokens of records become marks before anything of a record is kept."""

import re
from functools import lru_cache
from typing import Any, cast

from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT
from bartizan.model.secret import MARK
from bartizan.text.patterns import (
    ASSIGNED,
    PASSWORD_NAMES,
    SecretSpan,
    find_all_secrets,
    find_secrets,
    is_credential_value,
    is_placeholder,
    names_credential,
    replaced,
    words_of,
)
from bartizan.text.regex import Finder
from bartizan.text.secret_formats import FORMATS

# Live sessions: whatever their values look like.
_SESSION_NAMES = frozenset(
    (
        "sessiontoken securitytoken accesstoken refreshtoken idtoken clientsecret secretaccesskey authorization cookie "
        "setcookie xvaulttoken xamzsecuritytoken masteruserpassword secretstring secretbinary privatekey"
    ).split()
)
# Digests and numbers of things: names that join, not secrets.
_NO_SECRETS = frozenset(
    (
        "hashedtoken tokenhash clienttoken nexttoken clientrequesttoken continuationtoken pagetoken nextpagetoken "
        "uniquetokenidentifier paginationtoken continuetoken"
    ).split()
)
_PUBLIC = frozenset({"aws-access-key-id", "alibaba-key-id"})  # ids of keys, by which logs join
_DIGEST = re.compile(
    r"(?:hmac-)?sha\d{1,3}:.*|arn:.*|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|REDACTED|<.*>|\*+|"
    r"HIDDEN_DUE_TO_SECURITY_REASONS|Value hidden due to security reasons\.?",
    re.IGNORECASE,
)
# One automaton for all formats, without upper bounds: whether one stands there at all is told in one pass.
_UNBOUNDED = [re.sub(r"\{(\d+),\d+\}", r"{\1,}", one) for kind, one in FORMATS.items() if kind not in _PUBLIC]
_ANY_FORMAT = Finder("|".join(f"(?:{one})" for one in _UNBOUNDED))
_WORD = r"(?:token|secret|passw|pwd|passphrase|credential|key|auth|cookie|bearer|\bpat\b|dsn)"
# Where a text gives a value a name: `name=value`, `name: value`, `--name value`, `-u name:value`, `<name>value</name>`.
# In JSON the quotation marks of a text have a backslash before them; those of a name of the record itself have none.
_NAMES_VALUE = Finder(
    rf"(?i){_WORD}[\w.\-]*(?:\\\"|[\\'\])]){{0,4}}[ \t]{{0,8}}(?:=|:)|--?[\w\-]*{_WORD}[\w\-]*(?:[= \t]|\\t)|"
    rf"(?:^|[\s\"nrt])(?:-u|--user)(?:[= \t]|\\t)|<[\w.\-]*{_WORD}[\w.\-]*>"
)
_HINT = Finder(f"(?i){_WORD}|connection")
_HIDING = re.compile(r"\\[u/]")  # escapes of JSON behind which a format could stand
PLAIN, NAMED, SESSION = 0, 1, 2
_NOT_JUDGED = "‹{} characters that may name secrets: more than raw_judged_characters_max›"


@lru_cache(maxsize=8192)
def rank_of(name: str) -> int:
    """What a value under this name is: nothing special, a secret if it looks like one, or one in any case."""
    if _HINT.first(name) is None:
        return PLAIN
    plain = re.sub(r"[^a-z0-9]", "", name[-64:].lower())
    if plain in _NO_SECRETS:
        return PLAIN
    words = words_of(name)
    if plain in _SESSION_NAMES or (words and words[-1] in PASSWORD_NAMES):
        return SESSION
    return NAMED if names_credential(name) else PLAIN


def text(value: str) -> str:
    """A text without what is a secret by its format, or because the text itself gives it a credential's name.

    One that is longer than may be judged is not kept.
    """
    if len(value) > DEFAULT.raw_judged_characters_max:
        return _NOT_JUDGED.format(len(value))
    return _marked(value, find_all_secrets(value))


def without_formats(value: str) -> str:
    """A text without what is a secret by its format: for the raw form of what was looked at by its names already."""
    return _marked(value, find_secrets(value)) if holds_format(value) else value


def holds_format(value: str) -> bool:
    """Whether a secret of a known format may stand in a text: a quick look, which finds rather too much."""
    return _ANY_FORMAT.first(value) is not None


def _marked(value: str, spans: list[SecretSpan]) -> str:
    return replaced(value, [(one.start, one.end, MARK) for one in spans if not _public(value, one)])


def _public(value: str, span: SecretSpan) -> bool:
    """Ids of keys, and names of secrets within an ARN."""
    named = span.kind == ASSIGNED and value.endswith(":secret:", 0, span.start)
    return named or span.kind in _PUBLIC


def json(value: Any, raw: str = "\\u") -> Any:
    """A decoded value without secrets; what has none is the same object. `raw` is its JSON: it tells where to look."""
    hidden = _HIDING.search(raw) is not None
    formats = hidden or holds_format(raw)
    if formats or _NAMES_VALUE.first(raw) is not None or _any_named(value):
        return _any(value, _Look(formats=formats))
    return value


class _Look:
    """How one record is looked at: for formats or not, and how many characters may still be judged by their names."""

    __slots__ = ("formats", "left")

    def __init__(self, *, formats: bool) -> None:
        self.formats, self.left = formats, DEFAULT.raw_judged_characters_max


def _any_named(value: Any) -> bool:
    """Whether a name says that its value may be a secret; nearly no record has one, and is looked at further."""
    if isinstance(value, dict):
        for name, item in cast("JsonObject", value).items():
            if isinstance(item, str):
                if rank_of(name):
                    return True
            elif isinstance(item, dict | list) and (rank_of(name) or _any_named(item)):
                return True
        return False
    if not isinstance(value, list):
        return False
    items = cast("list[Any]", value)
    return any(isinstance(one, str) and one.startswith("-") for one in items) or any(map(_any_named, items))


def _any(value: Any, look: _Look) -> Any:
    if isinstance(value, dict):
        return _object(cast("JsonObject", value), look)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        marked = arguments([_any(item, look) for item in items])
        return items if all(map(_same, marked, items)) else marked
    return _text(value, look) if isinstance(value, str) else value


def _same(one: Any, other: Any) -> bool:
    return one is other


def _text(value: str, look: _Look) -> str:
    if len(value) >= 8 and _NAMES_VALUE.first(value.replace('"', '\\"')) is not None:
        look.left -= len(value)
        return text(value) if look.left >= 0 else _NOT_JUDGED.format(len(value))
    return _marked(value, find_secrets(value)) if look.formats else value


def _object(fields: JsonObject, look: _Look) -> JsonObject:
    changed: JsonObject = {}
    for name, item in fields.items():
        marked = _named(name, item, look) if isinstance(item, str | dict | list) else item
        if marked is not item:
            changed[name] = marked
    named = {name: _marked(name, find_secrets(name)) for name in fields} if look.formats else {}
    if not changed and all(one == other for one, other in named.items()):
        return fields
    told: JsonObject = {}
    for name, item in fields.items():
        shown = named.get(name, name)
        while shown in told:  # two names that are secrets: neither may hide the other's value
            shown += "'"
        told[shown] = changed.get(name, item)
    return told


def _named(name: str, item: Any, look: _Look) -> Any:
    """A value, or the texts of a list, such as `Set-Cookie: [...]` in the headers of an HTTP request."""
    rank = rank_of(name)
    if rank and isinstance(item, str):
        return _value(rank, name, item, look)
    if rank and isinstance(item, list):
        items = cast("list[Any]", item)
        marked = [_value(rank, name, one, look) if isinstance(one, str) else one for one in items]
        item = items if all(map(_same, marked, items)) else marked
    return _any(item, look)


def _value(rank: int, name: str, value: str, look: _Look) -> str:
    if value and not _DIGEST.fullmatch(value):
        if rank == SESSION and not is_placeholder(value):
            return MARK
        if is_credential_value(name, value):
            return MARK
    return _text(value, look)


def arguments(words: list[Any]) -> list[Any]:
    """Arguments of a command: also what follows an option that names a credential."""
    options = [at for at, word in enumerate(words[:-1]) if isinstance(word, str) and _option(word)]
    shown = list(words)
    for at in options:
        word = words[at + 1]
        if isinstance(word, str) and word and not word.startswith("-") and not is_placeholder(word):
            shown[at + 1] = MARK
    return shown if shown != words else words


def _option(word: str) -> bool:
    return word.startswith("-") and "=" not in word and bool(rank_of(word.lstrip("-")))
