"""Where a message of a client goes at the combined endpoint, and how it reads there; and the way back."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec

from bartizan.model.json import as_object, as_text
from bartizan.protocol.jsonrpc import Envelope
from bartizan.protocol.relay.combined.names import joined, joined_id, joined_uri, parted, parted_id, parted_uri
from bartizan.protocol.relay.combined.paths import EACH, Path, changes
from bartizan.protocol.relay.rewriting import Stretch, replaced


class Form(StrEnum):
    """How what a message names says its server."""

    NAME = "name"
    URI = "uri"
    ID = "id"


_PARTED: Mapping[Form, Callable[[Any, Collection[str]], tuple[str, Any] | None]] = {
    Form.NAME: parted,
    Form.URI: parted_uri,
    Form.ID: parted_id,
}
_JOINED: Mapping[Form, Callable[[str, Any], str]] = {Form.NAME: joined, Form.URI: joined_uri, Form.ID: joined_id}

# What a message names, by its method.
_NAMED: Mapping[str, tuple[Path, Form]] = {
    "tools/call": (("params", "name"), Form.NAME),
    "prompts/get": (("params", "name"), Form.NAME),
    "resources/read": (("params", "uri"), Form.URI),
    "resources/subscribe": (("params", "uri"), Form.URI),
    "resources/unsubscribe": (("params", "uri"), Form.URI),
    "notifications/progress": (("params", "progressToken"), Form.ID),
}
_COMPLETED: Mapping[str, tuple[Path, Form]] = {
    "ref/prompt": (("params", "ref", "name"), Form.NAME),
    "ref/resource": (("params", "ref", "uri"), Form.URI),
}
_ANSWER: tuple[Path, Form] = (("id",), Form.ID)
_CLIENT_CAPABILITIES = ("params", "_meta", "io.modelcontextprotocol/clientCapabilities")


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The server that a message is for, and the name, URI or id that it names there, at its path."""

    server: str
    path: Path
    value: str | int


def route(message: Envelope, servers: Collection[str]) -> Route | None:
    """Where a message goes that names something of one server; None where it names nothing of these servers."""
    path, form = _place(message)
    value: Any = message.id if path == ("id",) else message.params
    for key in path[1:]:
        value = as_object(value).get(key)
    found = _PARTED[form](value, servers) if isinstance(value, str) else None
    return Route(server=found[0], path=path, value=found[1]) if found else None


def _place(message: Envelope) -> tuple[Path, Form]:
    if message.kind in {"result", "error"}:
        return _ANSWER
    if message.method == "completion/complete":
        kind = as_text(as_object(message.params.get("ref")).get("type"))
        return _COMPLETED.get(kind, _COMPLETED["ref/resource"])
    return _NAMED[message.method]


def sent(text: str, way: Route) -> str:
    """The message as its server gets it: with the name that it has there; all else is as the client wrote it.

    Extensions that the client declares are left out: what they name has no way through the combined endpoint.
    """
    stretches = changes(text, way.path, lambda _: way.value)
    for key in ("extensions", "tasks"):
        stretches += changes(text, (*_CLIENT_CAPABILITIES, key), lambda _: {})
    return replaced(text, stretches)


# Where URIs stand in results. What has another type there (an image, a text) has no such key.
_RESULTS: Mapping[str, tuple[Path, ...]] = {
    "tools/call": (("content", EACH, "uri"), ("content", EACH, "resource", "uri")),
    "prompts/get": (("messages", EACH, "content", "uri"), ("messages", EACH, "content", "resource", "uri")),
    "resources/read": (("contents", EACH, "uri"),),
}
_OF_REQUEST: tuple[tuple[Path, Form], ...] = (_ANSWER, (("params", "_meta", "progressToken"), Form.ID))
_OF_NOTIFICATION: Mapping[str, tuple[tuple[Path, Form], ...]] = {
    "notifications/resources/updated": ((("params", "uri"), Form.URI),),
    "notifications/cancelled": ((("params", "requestId"), Form.ID),),  # of the server's own request
}


def returned(text: str, message: Envelope, method: str, server: str) -> str:
    """A message of a server as the client gets it. `method` is that of the client's request."""
    stretches: list[Stretch] = []
    for path, form in _said(message, method):
        stretches += changes(text, path, partial(_renamed, form, server))
    return replaced(text, stretches)


def _said(message: Envelope, method: str) -> tuple[tuple[Path, Form], ...]:
    match message.kind:
        case "request":
            return _OF_REQUEST
        case "notification":
            return _OF_NOTIFICATION.get(message.method, ())
        case "result":
            return tuple((("result", *path), Form.URI) for path in _RESULTS.get(method, ()))
        case "error":
            return ()


def _renamed(form: Form, server: str, value: Any) -> str | None:
    if isinstance(value, str) or (form is Form.ID and isinstance(value, int) and not isinstance(value, bool)):
        return _JOINED[form](server, value)
    return None
