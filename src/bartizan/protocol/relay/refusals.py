"""What a refusal is on the wire: one table for messages that are not understood, one for what policy refuses."""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from bartizan.model.call import Call, Verb
from bartizan.model.decision import Decision, Refusal
from bartizan.model.json import JsonObject
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import RequestId, encode

Headers = tuple[tuple[str, str], ...]


class Wrong(StrEnum):
    """What is wrong with a request, whoever sent it."""

    NOT_JSON = "not JSON"
    NOT_A_MESSAGE = "not a message"
    BATCH = "a batch where the revision has none"
    RESPONSE = "a response where the revision has none"
    HEADER = "headers and body disagree"
    VERSION = "a version that is not spoken here"
    META = "a required field of _meta is missing"
    METHOD = "no such method"
    PARAMS = "parameters that the method does not have"
    SESSION = "no such session"
    EVENT_ID = "no such event to go on from"
    ORIGIN = "a foreign origin"
    HOST = "a foreign host"
    CONTENT_TYPE = "not application/json"
    HTTP_METHOD = "no such HTTP method here"
    PATH = "nothing here"
    BUSY = "too many at once"
    TOO_LARGE = "larger than this gateway takes"
    UPSTREAM = "the server did not answer as the protocol asks"
    UPSTREAM_LATE = "the server did not answer in time"
    UNRECORDED = "the record of calls cannot be written"
    ERAS = "client and server speak different eras"
    ENDING = "this gateway is about to end"


# The HTTP status and the JSON-RPC error code. Streamable HTTP, "Server Validation" and "Receiving Messages";
# Base, "_meta"; Versioning. Where the specification names no code, it is Invalid Request or Internal Error.
TABLE: Mapping[Wrong, tuple[int, int]] = {
    Wrong.NOT_JSON: (400, -32700),
    Wrong.NOT_A_MESSAGE: (400, -32600),
    Wrong.BATCH: (400, -32600),
    Wrong.RESPONSE: (400, -32600),
    Wrong.HEADER: (400, -32020),
    Wrong.VERSION: (400, -32022),
    Wrong.META: (400, -32602),
    Wrong.METHOD: (404, -32601),
    Wrong.PARAMS: (400, -32602),
    Wrong.SESSION: (404, -32600),
    Wrong.EVENT_ID: (400, -32600),
    Wrong.ORIGIN: (403, -32600),
    Wrong.HOST: (403, -32600),
    Wrong.CONTENT_TYPE: (415, -32600),
    Wrong.HTTP_METHOD: (405, -32600),
    Wrong.PATH: (404, -32600),
    Wrong.BUSY: (429, -32603),
    Wrong.TOO_LARGE: (413, -32600),
    Wrong.UPSTREAM: (502, -32603),
    Wrong.UPSTREAM_LATE: (504, -32603),
    Wrong.UNRECORDED: (503, -32603),
    Wrong.ERAS: (400, -32022),
    Wrong.ENDING: (503, -32603),
}


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is not forwarded. `told` goes to the peer: it never echoes what the peer sent, unbounded."""

    wrong: Wrong
    told: str = ""
    id: RequestId | None = None
    data: JsonObject = {}
    era: Era = Era.MODERN


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the gateway's own."""

    status: int
    headers: Headers = ()
    body: bytes = b""


_JSON = ("content-type", "application/json")


def error(identity: RequestId | None, code: int, message: str, data: JsonObject | None = None) -> JsonObject:
    """A JSON-RPC error. Without an id it says null, as JSON-RPC 2.0 section 5 has it."""
    body: JsonObject = {"code": code, "message": message}
    if data:
        body["data"] = data
    return {"jsonrpc": "2.0", "id": identity, "error": body}


def reply_to(refused: Refused) -> Reply:
    """The answer to a request that was not understood, or whose server failed."""
    status, code = TABLE[refused.wrong]
    if refused.wrong is Wrong.METHOD and refused.era is Era.LEGACY:
        status = 200  # the legacy era answers every request that it could read with 200
    headers = (_JSON, ("allow", "POST")) if refused.wrong is Wrong.HTTP_METHOD else (_JSON,)
    message = refused.told or refused.wrong.value
    return Reply(
        status=status, headers=headers, body=encode(error(refused.id, code, message.capitalize(), refused.data))
    )


def denial(call: Call, identity: RequestId | None, decision: Decision) -> Reply:
    """The answer to a call that was refused. A model that reads it learns nothing but an id to ask a person about."""
    status, headers = _status(decision)
    if identity is None:
        return Reply(status=status if status != 200 else 403, headers=headers)
    return Reply(status=status, headers=(_JSON, *headers), body=encode(denial_message(call, identity, decision)))


_TOLD: Mapping[Refusal, tuple[int, str]] = {
    Refusal.INVALID: (-32600, "Invalid request"),
    Refusal.UNAUTHENTICATED: (-32600, "Authentication required"),
    Refusal.TOO_MANY: (-32603, "Too many requests"),
    Refusal.UNAVAILABLE: (-32603, "Not available at the moment"),
}


def denial_message(call: Call, identity: RequestId, decision: Decision) -> JsonObject:
    """The JSON-RPC message of a refusal."""
    told = "This was refused by policy"
    if decision.refusal is Refusal.NOT_FOUND:
        return _not_found(call, identity)
    if decision.refusal is Refusal.CONFIRM:
        told = f"A person must confirm this: ticket {decision.ticket}. Once it is approved, make the same call again"
    if decision.refusal in {Refusal.TOOL_ERROR, Refusal.CONFIRM} and call.method == "tools/call":
        return {"jsonrpc": "2.0", "id": identity, "result": _tool_error(call.era, f"{told}. Reference: {call.uid}")}
    code, text = _TOLD.get(decision.refusal, (-32603, told))
    return error(identity, code, f"{text}. Reference: {call.uid}")


def _tool_error(era: Era, told: str) -> JsonObject:
    result: JsonObject = {"content": [{"type": "text", "text": told}], "isError": True}
    return {**result, "resultType": "complete"} if era is Era.MODERN else result


def _not_found(call: Call, identity: RequestId) -> JsonObject:
    if call.verb is Verb.READ:
        # Resources, "Error Handling": Invalid Params since 2026-07-28, before it a code of its own.
        code = -32602 if call.era is Era.MODERN else -32002
        return error(identity, code, f"Resource not found. Reference: {call.uid}")
    told = {Verb.PROMPT: "Unknown prompt", Verb.CALL: "Unknown tool"}.get(call.verb, "Nothing here for this caller")
    return error(identity, -32602, f"{told}. Reference: {call.uid}")


def _status(decision: Decision) -> tuple[int, Headers]:
    match decision.refusal:
        case Refusal.UNAUTHENTICATED:
            return 401, (("www-authenticate", challenge(decision.challenge)),)
        case Refusal.INSUFFICIENT_SCOPE:
            return 403, (("www-authenticate", challenge(decision.challenge)),)
        case Refusal.TOO_MANY:
            return 429, (("retry-after", str(max(1, math.ceil(decision.retry_after_seconds)))),)
        case Refusal.UNAVAILABLE:
            return 503, (("retry-after", "1"),)
        case Refusal.INVALID:
            return 400, ()
        case _:
            return 200, ()


def challenge(parameters: Mapping[str, Any]) -> str:
    """A value of `WWW-Authenticate` (RFC 6750, section 3): what a quoted string cannot hold is left out."""
    quoted = ", ".join(f'{name}="{_quotable(str(value))}"' for name, value in parameters.items())
    return f"Bearer {quoted}" if quoted else "Bearer"


def _quotable(value: str) -> str:
    return "".join(one for one in value if " " <= one <= "~" and one not in '"\\')
