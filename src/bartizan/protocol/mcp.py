"""MCP's two eras as tables: their versions, what we may send, what we answer. And the messages made from them.

`modern` is revision 2026-07-28: no handshake, every request says its version in `_meta`. `legacy` is 2024-11-05 to
2025-11-25: `initialize`, then `notifications/initialized`. Nothing but the methods listed here can be sent.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from bartizan import __version__
from bartizan.model.errors import LocalProtocolError
from bartizan.model.snapshot import Era
from bartizan.ports import Message
from bartizan.protocol.jsonrpc import RequestId, encode

META = "io.modelcontextprotocol/"
CLIENT_INFO = {"name": "bartizan", "version": __version__}

METHOD_NOT_FOUND = -32601
UNSUPPORTED_VERSION = -32022
# Codes that only the modern revision defines: HeaderMismatch, MissingRequiredClientCapability, and the above.
MODERN_ERRORS = frozenset({-32020, -32021, UNSUPPORTED_VERSION})

_LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """One era. `versions` stand newest first; `answers` are the results that we give to a server's requests."""

    versions: tuple[str, ...]
    opening: str
    requests: frozenset[str]
    notifications: frozenset[str]
    answers: Mapping[str, dict[str, Any]]
    answers_requests: bool


RULES: Mapping[Era, Rules] = {
    Era.MODERN: Rules(
        versions=("2026-07-28",),
        opening="server/discover",
        requests=frozenset({"server/discover", *_LISTS}),
        notifications=frozenset(),
        answers={},
        answers_requests=False,  # "the client MUST NOT write JSON-RPC responses"
    ),
    Era.LEGACY: Rules(
        versions=("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"),
        opening="initialize",
        requests=frozenset({"initialize", *_LISTS}),
        notifications=frozenset({"notifications/initialized"}),
        answers={"ping": {}},
        answers_requests=True,
    ),
}
BATCH_VERSION = "2025-03-26"  # the only revision in which a client must take batches


def era_of(version: str) -> Era | None:
    """The era of a version that we speak, or None."""
    return next((era for era, rules in RULES.items() if version in rules.versions), None)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One list that a server offers. `capability` is what declares it, `key` where its definitions stand."""

    name: str
    method: str
    key: str
    capability: str


PARTS = (
    Part(name="tools", method="tools/list", key="tools", capability="tools"),
    Part(name="prompts", method="prompts/list", key="prompts", capability="prompts"),
    Part(name="resources", method="resources/list", key="resources", capability="resources"),
    Part(
        name="resource_templates",
        method="resources/templates/list",
        key="resourceTemplates",
        capability="resources",
    ),
)


def request(era: Era, version: str, identity: RequestId, method: str, params: Mapping[str, Any]) -> Message:
    """A request of ours. Raises LocalProtocolError for a method that is not in the era's table."""
    if method not in RULES[era].requests:
        raise LocalProtocolError(f"{method} is never sent")
    whole = dict(params)
    if era is Era.MODERN:
        whole["_meta"] = {
            META + "protocolVersion": version,
            META + "clientInfo": CLIENT_INFO,
            META + "clientCapabilities": {},
        }
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": identity, "method": method}
    if whole:
        body["params"] = whole
    return Message(
        body=encode(body),
        identity=identity,
        method=method,
        era=era,
        protocol_version="" if method == "initialize" else version,
    )


def initialize(version: str, identity: RequestId) -> Message:
    """The legacy handshake. We declare no capability, so a server may ask us for nothing but a ping."""
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT_INFO}
    return request(Era.LEGACY, version, identity, "initialize", params)


def notification(era: Era, version: str, method: str) -> Message:
    """A notification of ours. Raises LocalProtocolError for a method that is not in the era's table."""
    if method not in RULES[era].notifications:
        raise LocalProtocolError(f"{method} is never sent")
    body = encode({"jsonrpc": "2.0", "method": method})
    return Message(body=body, method=method, era=era, protocol_version=version, expects_reply=False)


def answer(era: Era, version: str, identity: RequestId, method: str) -> Message | None:
    """What we answer to a server's request: the table's result, else "method not found"; None where we must not."""
    rules = RULES[era]
    if not rules.answers_requests:
        return None
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": identity}
    if method in rules.answers:
        body["result"] = rules.answers[method]
    else:
        body["error"] = {"code": METHOD_NOT_FOUND, "message": "This client only lists definitions"}
    return Message(body=encode(body), method="", era=era, protocol_version=version, expects_reply=False)
