"""Which era a request belongs to, and what can be done when client and server speak different ones.

The gateway forwards a message in the era that the client speaks: it invents no handshake and no `_meta`, so that
nothing that policy did not read reaches a server. A client of both eras finds the server's era by itself, because the
server's own refusal comes back to it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

import msgspec

from bartizan.model.json import JsonObject
from bartizan.model.snapshot import Era
from bartizan.protocol.mcp import META, METHOD_NOT_FOUND, MODERN_ERRORS, RULES

MODERN_VERSIONS = RULES[Era.MODERN].versions
LEGACY_VERSIONS = RULES[Era.LEGACY].versions
ASSUMED = "2025-03-26"  # of a legacy request without the header (2025-11-25, "Protocol Version Header")
VERSION = META + "protocolVersion"
OPENINGS = frozenset({"initialize", "server/discover"})


class Crossing(StrEnum):
    """What becomes of a message that crosses the gateway."""

    RELAYED = "relayed"
    TRANSLATED = "translated"
    REFUSED = "refused"


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the table. `told` is what the client reads, `supported` what would be served.

    `lost` are the methods that do not cross.
    """

    crossing: Crossing
    told: str = ""
    supported: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()


_RELAYED = Bridge(crossing=Crossing.RELAYED)

# By the client's era and the server's, which is None until the server has shown it.
BRIDGES: Mapping[tuple[Era, Era | None], Bridge] = {
    (Era.MODERN, Era.MODERN): _RELAYED,
    (Era.LEGACY, Era.LEGACY): _RELAYED,
    (Era.MODERN, None): _RELAYED,
    (Era.LEGACY, None): _RELAYED,
    (Era.MODERN, Era.LEGACY): Bridge(
        crossing=Crossing.REFUSED,
        told="this server speaks the versions with a handshake only: open with initialize",
        supported=LEGACY_VERSIONS,
    ),
    (Era.LEGACY, Era.MODERN): Bridge(
        crossing=Crossing.REFUSED,
        told="this server speaks the versions without a handshake only",
        supported=MODERN_VERSIONS,
    ),
}

# At the combined endpoint the gateway itself is the client of each server: it makes the handshake, or the `_meta`. So
# a message can cross there. What it then says to a server is read, judged and recorded as any client's message.
COMBINED: Mapping[tuple[Era, Era], Bridge] = {
    (Era.MODERN, Era.MODERN): _RELAYED,
    (Era.LEGACY, Era.LEGACY): _RELAYED,
    # A server's requests do not cross: the gateway declares no capability for them. Changes of one resource neither.
    (Era.MODERN, Era.LEGACY): Bridge(crossing=Crossing.TRANSLATED),
    (Era.LEGACY, Era.MODERN): Bridge(
        crossing=Crossing.TRANSLATED,
        told="this server has no such method in its version",
        lost=frozenset({"resources/subscribe", "resources/unsubscribe", "logging/setLevel"}),
    ),
}


def era_of_request(header: str, meta: JsonObject) -> Era:
    """By how the client opens: the modern era says its version in `_meta`, or in a header that no legacy one has."""
    if VERSION in meta or (header and header not in LEGACY_VERSIONS):
        return Era.MODERN
    return Era.LEGACY


def era_shown(method: str, status: int, answer: JsonObject) -> Era | None:
    """The only era that a server speaks, where its answer to an opening shows it; else None.

    A modern server knows `server/discover`, and says so even in an error of its own; a legacy one knows `initialize`.
    """
    error = answer.get("error")
    code: Any = cast("JsonObject", error).get("code") if isinstance(error, dict) else None
    if method == "server/discover" and code not in MODERN_ERRORS and (code is not None or status in _UNKNOWN):
        return Era.LEGACY
    if method == "initialize" and (code in MODERN_ERRORS or code == METHOD_NOT_FOUND):
        return Era.MODERN
    return None


_UNKNOWN = frozenset({400, 404, 405, 406})  # what servers answer to a request that they cannot place
