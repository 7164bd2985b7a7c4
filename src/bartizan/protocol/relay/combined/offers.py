"""What the servers of the combined endpoint have together: the answer to `server/discover` and to `initialize`."""

from collections.abc import Mapping, Sequence
from typing import Any

from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.limits import DEFAULT, Limits
from bartizan.protocol.jsonrpc import RequestId, encode
from bartizan.protocol.mcp import CLIENT_INFO, META
from bartizan.protocol.relay.combined.lists import Missing, left_out
from bartizan.protocol.relay.eras import MODERN_VERSIONS

# Capabilities that have a way through, each with its switches. Experimental ones and extensions have none: what they
# name is not known here.
_CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "tools": ("listChanged",),
    "prompts": ("listChanged",),
    "resources": ("subscribe", "listChanged"),
    "completions": (),
    "logging": (),
}
_INFO = {**CLIENT_INFO, "title": "Bartizan: several servers as one"}


def capabilities(offered: Sequence[JsonObject]) -> JsonObject:
    """What at least one server can do."""
    merged: JsonObject = {}
    for one in offered:
        for name, switches in _CAPABILITIES.items():
            if isinstance(said := one.get(name), dict):
                has = as_object(said)
                merged[name] = merged.get(name, {}) | {switch: True for switch in switches if has.get(switch) is True}
    return merged


def instructions(said: Mapping[str, Any], limits: Limits = DEFAULT) -> tuple[str, list[str]]:
    """What each server says of its use, each line with its id in front, so that none speaks for another.

    And the servers for whose words there was no room.
    """
    parts: list[str] = []
    without: list[str] = []
    room = limits.combined_instructions_characters_max
    for server, text in said.items():
        told = "\n".join(f"[{server}] {line}" for line in as_text(text).splitlines() if line.strip())
        if len(told) > room:
            without.append(server)
        elif told:
            parts.append(told)
            room -= len(told)
    return "\n".join(parts), without


def discovered(identity: RequestId, results: Mapping[str, JsonObject], missing: Sequence[Missing]) -> bytes:
    """The answer to `server/discover`. `results` are those of the servers, whichever opening they answered."""
    offer, meta = _offer(results, missing)
    meta[META + "serverInfo"] = _INFO
    result: JsonObject = {
        "resultType": "complete",
        "supportedVersions": list(MODERN_VERSIONS),
        **offer,
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": meta,
    }
    return encode({"jsonrpc": "2.0", "id": identity, "result": result})


def initialized(
    identity: RequestId, revision: str, results: Mapping[str, JsonObject], missing: Sequence[Missing]
) -> bytes:
    """The answer to `initialize`."""
    offer, meta = _offer(results, missing)
    result: JsonObject = {"protocolVersion": revision, **offer, "serverInfo": _INFO}
    if meta:
        result["_meta"] = meta
    return encode({"jsonrpc": "2.0", "id": identity, "result": result})


def _offer(results: Mapping[str, JsonObject], missing: Sequence[Missing]) -> tuple[JsonObject, JsonObject]:
    said, without = instructions({server: one.get("instructions") for server, one in results.items()})
    reason = "its instructions are too long"
    offer: JsonObject = {"capabilities": capabilities([as_object(one.get("capabilities")) for one in results.values()])}
    if said:
        offer["instructions"] = said
    return offer, left_out([*missing, *(Missing(server=one, reason=reason) for one in without)])
