"""A message from one era to the other, at the combined endpoint, where the gateway itself is each server's client.

The table is `eras.COMBINED`. A request loses or gets what its era has in `_meta`; a result gets what the modern era
requires of one. What the other era cannot say is an error, never a guess.
"""

from collections.abc import Mapping
from typing import Any

from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject, as_object
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import Envelope, encode
from bartizan.protocol.mcp import CLIENT_INFO, META, RULES
from bartizan.protocol.relay.combined.paths import changes, places, with_members
from bartizan.protocol.relay.eras import MODERN_VERSIONS
from bartizan.protocol.relay.rewriting import replaced

_CACHEABLE = frozenset({"resources/read"})  # of what is translated one by one; lists are merged
_SHARED = frozenset({"progressToken", "traceparent", "tracestate", "baggage"})  # in `_meta` of both eras


def modern_meta(client: JsonObject) -> JsonObject:
    """The `_meta` of a request of ours. It declares no capability: whom a server then asks is a client of no handshake.

    `client` is what the client says of itself.
    """
    return {
        META + "protocolVersion": MODERN_VERSIONS[0],
        META + "clientInfo": client or CLIENT_INFO,
        META + "clientCapabilities": {},
    }


def to_legacy(text: str) -> str:
    """A request of the modern era for a server of the legacy one."""
    return replaced(text, changes(text, ("params", "_meta"), _without_era))


def _without_era(meta: Any) -> JsonObject:
    return {key: value for key, value in as_object(meta).items() if not key.startswith(META)}


def to_modern(text: str, client: JsonObject) -> str:
    """A request of the legacy era for a server of the modern one."""
    if not list(places(text, ("params",))):
        text = with_members(text, (), {"params": {}})
    if not list(places(text, ("params", "_meta"))):
        text = with_members(text, ("params",), {"_meta": {}})
    ours = modern_meta(client)

    def both(meta: Any) -> JsonObject:
        return {key: value for key, value in as_object(meta).items() if key in _SHARED} | ours

    return replaced(text, changes(text, ("params", "_meta"), both))


def from_legacy(text: str, message: Envelope, method: str) -> str:
    """A result of a legacy server for a client of the modern era (Base, "Responses"; Caching)."""
    if message.kind != "result":
        return text
    needed: Mapping[str, Any] = {"resultType": "complete"}
    if method in _CACHEABLE:
        needed = {**needed, "ttlMs": 0, "cacheScope": "private"}
    return with_members(text, ("result",), {key: value for key, value in needed.items() if key not in message.result})


def from_modern(text: str, message: Envelope) -> str:
    """A result of a modern server for a client of the legacy era. Raises RemoteProtocolError for a question."""
    if message.kind == "result" and message.result.get("resultType", "complete") != "complete":
        raise RemoteProtocolError("the server asks for what a client of this version cannot give")
    return text


def legacy_initialize(revision: str, capabilities: JsonObject, client: JsonObject) -> bytes:
    """The handshake with a legacy server."""
    params = {"protocolVersion": revision, "capabilities": capabilities, "clientInfo": client or CLIENT_INFO}
    return encode({"jsonrpc": "2.0", "id": "open", "method": "initialize", "params": params})


def message_of(method: str, params: JsonObject, era: Era, client: JsonObject) -> bytes:
    """A request of the gateway's own to a server of an era, or a notification."""
    body: JsonObject = {"jsonrpc": "2.0", "method": method}
    if not method.startswith("notifications/"):
        body["id"] = "ask"
    whole = {**params, "_meta": modern_meta(client)} if era is Era.MODERN else params
    if whole:
        body["params"] = whole
    return encode(body)


NEWEST_LEGACY = RULES[Era.LEGACY].versions[0]
