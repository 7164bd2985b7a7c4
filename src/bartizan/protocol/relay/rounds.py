"""Results of the modern era that ask the client for something, held to what the specification lets them ask.

Source: 2026-07-28, Base "ResultType"; Multi Round-Trip Requests, "Server Requirements"; Elicitation, "Capabilities".
"""

from typing import Any

from bartizan.model.call import Call
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject, as_object
from bartizan.protocol.mcp import META

_MAY_ASK = frozenset({"tools/call", "prompts/get", "resources/read"})
_NEEDS = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}


def check_result(call: Call, result: JsonObject) -> None:
    """Raises RemoteProtocolError for a result that its client could only take for invalid, or should never see."""
    kind: Any = result.get("resultType", "complete")  # absent: a server of before
    if kind == "complete":
        return
    able = as_object(as_object(call.params.get("_meta")).get(META + "clientCapabilities"))
    if kind != "input_required":
        if isinstance(kind, str) and able.get("extensions"):  # which may define further ones
            return
        raise RemoteProtocolError("a resultType that the client does not know")
    if call.method not in _MAY_ASK:
        raise RemoteProtocolError("input_required as the answer to a request that cannot ask")
    _check_questions(result, able)


def _check_questions(result: JsonObject, able: JsonObject) -> None:
    asked, state = result.get("inputRequests"), result.get("requestState")
    if asked is None and state is None:
        raise RemoteProtocolError("input_required that asks for nothing")
    if state is not None and not isinstance(state, str):
        raise RemoteProtocolError("a requestState that is no string")
    if asked is not None and not isinstance(asked, dict):
        raise RemoteProtocolError("inputRequests that are no object")
    for question in as_object(asked).values():
        method: Any = as_object(question).get("method")
        if not isinstance(method, str) or method not in _NEEDS:
            raise RemoteProtocolError("an input request that is none of the three")
        if not _can(able, _NEEDS[method], as_object(as_object(question).get("params"))):
            raise RemoteProtocolError(f"an input request that the client cannot take: {method}")


def _can(able: JsonObject, capability: str, params: JsonObject) -> bool:
    """Whether the client declared it; for elicitation also its mode, where an empty object stands for forms."""
    declared = able.get(capability)
    if not isinstance(declared, dict):
        return False
    return capability != "elicitation" or params.get("mode", "form") in (declared or {"form": {}})
