"""Secrets and session tokens of records become marks before anything of a record is kept."""

import re
from functools import lru_cache
from typing import Any, cast

from bartizan.model.json import JsonObject
from bartizan.model.secret import MARK
from bartizan.text.patterns import PASSWORD_NAMES, is_credential_value, is_placeholder, names_credential, words_of
from bartizan.text.patterns import without_all_secrets as shown
from bartizan.text.regex import Finder

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
_DIGEST = re.compile(
    r"(?:hmac-)?sha\d{1,3}:.*|arn:.*|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|REDACTED|<.*>|\*+|"
    r"HIDDEN_DUE_TO_SECURITY_REASONS|Value hidden due to security reasons\.?",
    re.IGNORECASE,
)
PLAIN, NAMED, SESSION = 0, 1, 2


@lru_cache(maxsize=8192)
def rank_of(name: str) -> int:
    """What a value under this name is: nothing special, a secret if it looks like one, or one in any case."""
    if not _TELLING.first(name):
        return PLAIN
    plain = re.sub(r"[^a-z0-9]", "", name[-64:].lower())
    if plain in _NO_SECRETS:
        return PLAIN
    words = words_of(name)
    if plain in _SESSION_NAMES or (words and words[-1] in PASSWORD_NAMES):
        return SESSION
    return NAMED if names_credential(name) else PLAIN


_TELLING = Finder(r"(?i)token|secret|passw|pwd|passphrase|credential|key|auth|cookie|bearer|pat|dsn|connection")


def _value(rank: int, name: str, value: str) -> str:
    if rank and value and not _DIGEST.fullmatch(value):
        if rank == SESSION and not is_placeholder(value):
            return MARK
        if is_credential_value(name, value):
            return MARK
    return text(value)


def text(value: str) -> str:
    """A text without what is a secret by its format, or because the text itself gives it a credential's name."""
    if len(value) < 8:
        return value
    return shown(value)


def json(value: Any) -> Any:
    """A decoded value without secrets; what has none is the same object."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return _object(cast("JsonObject", value))
    if isinstance(value, list):
        items = cast("list[Any]", value)
        marked = [json(item) for item in items]
        return items if all(map(_same, marked, items)) else marked
    return value


def _same(one: Any, other: Any) -> bool:
    return one is other


def _object(fields: JsonObject) -> JsonObject:
    changed: JsonObject = {}
    same = True
    for name, item in fields.items():
        rank = rank_of(name)
        marked = _value(rank, name, item) if isinstance(item, str) else json(_listed(rank, name, item))
        shown_name = text(name)
        same = same and marked is item and shown_name is name
        changed[shown_name] = marked
    return fields if same else changed


def _listed(rank: int, name: str, item: Any) -> Any:
    """A list under the name of a credential, such as `Set-Cookie: [...]` in the headers of an HTTP request."""
    if not rank or not isinstance(item, list):
        return item
    items = cast("list[Any]", item)
    marked = [_value(rank, name, one) if isinstance(one, str) else one for one in items]
    return items if all(map(_same, marked, items)) else marked
