"""A client's HTTP request, read once and whole: what comes out is what policy judges, its bytes are what goes on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from bartizan.model.call import Call, Credentials, Verb
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport
from bartizan.protocol.jsonrpc import Envelope, RequestId, decode, envelope
from bartizan.protocol.mcp import BATCH_VERSION, META
from bartizan.protocol.relay import headers as fields
from bartizan.protocol.relay.eras import ASSUMED, LEGACY_VERSIONS, MODERN_VERSIONS, VERSION, era_of_request
from bartizan.protocol.relay.methods import Method, method_of
from bartizan.protocol.relay.refusals import Headers, Refused, Wrong
from bartizan.protocol.relay.sessions import named, unseal

_BATCHES = frozenset({BATCH_VERSION, "2024-11-05"})


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What the transport knows of a request before it is read. `uid` names it in Events and to people.

    `combined` is whether it came to the endpoint of all servers.
    """

    uid: str
    at: datetime
    server: str
    combined: bool = False
    certificate: JsonObject = {}


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a request. Only a request has an id; `method` is the table's entry of a request."""

    call: Call
    id: RequestId | None = None
    method: Method | None = None


class Head:
    """What the head of a request says, whatever its body. A client that repeats its head has it worked out once.

    Raises HeaderError.
    """

    __slots__ = (
        "_forwarded",
        "_opened",
        "by_name",
        "certificate",
        "content",
        "credentials",
        "headers",
        "name",
        "session",
        "version",
    )

    def __init__(self, headers: Headers, certificate: JsonObject) -> None:
        self.headers, self.certificate = headers, certificate
        self.by_name = fields.single(headers)
        self.version = self.by_name.get("mcp-protocol-version", "")
        self.session = self.by_name.get("mcp-session-id", "")
        self.name = named(self.session)
        self.credentials = credentials_of(self.by_name, certificate)
        self.content = _wrong_content(self.by_name)
        self._forwarded: tuple[tuple[str, bool], Headers] | None = None
        self._opened: tuple[Secret, str, str, str] | None = None

    def opened(self, key: Secret, server: str, principal: str) -> str | None:
        """The server's own id of the session, or None for one that this principal was not given for this server."""
        known = self._opened
        if known is not None and known[0] is key and known[1:3] == (server, principal):
            return known[3]
        session = unseal(key, server, principal, self.session)
        if session is not None:
            self._opened = key, server, principal, session
        return session

    def forwarded(self, session: str, *, resumes: bool) -> Headers:
        """What goes on to the server, with the server's own id of the session."""
        asked = session, resumes
        if self._forwarded is None or self._forwarded[0] != asked:
            self._forwarded = asked, fields.forwarded(self.headers, session, resumes=resumes)
        return self._forwarded[1]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was understood. `items` is one message, several where it was a batch.

    `session` is the id that the client showed, still sealed.
    """

    http_method: str
    items: tuple[Item, ...]
    era: Era
    revision: str
    head: Head
    batch: bool = False
    session: str = ""

    @property
    def headers(self) -> Headers:
        """All that came; a length among them may be that of an earlier request."""
        return self.head.headers

    @property
    def ids(self) -> frozenset[RequestId]:
        """The ids that an answer may have."""
        return frozenset([item.id for item in self.items if item.id is not None])

    @property
    def opens(self) -> bool:
        """Whether it opens a legacy session, which is never done in a batch."""
        return self.items[0].call.method == "initialize"


class _RefuseError(Exception):
    """Ends the reading of a request."""

    def __init__(
        self,
        wrong: Wrong,
        told: str = "",
        *,
        id: RequestId | None = None,  # noqa: A002 - the protocol's word
        era: Era = Era.MODERN,
        data: JsonObject | None = None,
    ) -> None:
        super().__init__(told)
        self.refused = Refused(wrong=wrong, told=told, id=id, era=era, data=data or {})


def head_of(headers: Headers, certificate: JsonObject) -> Head | Refused:
    """Read the head of a request."""
    try:
        return Head(headers, certificate)
    except fields.HeaderError as error:
        return Refused(wrong=Wrong.HEADER, told=str(error))


def read(
    http_method: str, headers: Headers, body: bytes, arrival: Arrival, limits: Limits = DEFAULT
) -> Reading | Refused:
    """Read a request to the MCP endpoint of a server, in whichever era it is written."""
    known = head_of(headers, arrival.certificate)
    return known if isinstance(known, Refused) else read_behind(known, http_method, body, arrival, limits)


def read_behind(
    known: Head, http_method: str, body: bytes, arrival: Arrival, limits: Limits = DEFAULT
) -> Reading | Refused:
    """Read a request whose head was read."""
    try:
        head = _Head(known, arrival)
        return _post(head, body, limits) if http_method == "POST" else _without_body(http_method, head, body)
    except fields.HeaderError as error:
        return Refused(wrong=Wrong.HEADER, told=str(error))
    except _RefuseError as error:
        return error.refused


class _Head:
    """The head of one request, with when it came and to which server."""

    __slots__ = ("arrival", "by_name", "credentials", "headers", "known", "session", "version")

    def __init__(self, known: Head, arrival: Arrival) -> None:
        self.known, self.headers, self.by_name, self.arrival = known, known.headers, known.by_name, arrival
        self.version, self.session, self.credentials = known.version, known.session, known.credentials

    def call(self, uid: str, message: Envelope, method: Method, revision: str, size: int) -> Call:
        """The message as the guards see it."""
        answer = message.kind in {"result", "error"}
        params = as_object(message.result) if answer else message.params
        era = Era.MODERN if revision in MODERN_VERSIONS else Era.LEGACY
        return Call(
            uid=uid,
            server=self.arrival.server,
            combined=self.arrival.combined,
            method=message.method,
            verb=Verb.ANSWER if answer else method.verb,
            target=as_text(params.get(method.target)) if method.target else "",
            arguments=as_object(params.get(method.arguments)) if method.arguments else {},
            params=params,
            era=era,
            revision=revision,
            transport=Transport.STREAMABLE_HTTP,
            client=_client(params, message.method),
            session="" if era is Era.MODERN else self.known.name,
            bytes=size,
            at=self.arrival.at,
            credentials=self.credentials,
        )


def credentials_of(headers: Mapping[str, str], certificate: JsonObject) -> Credentials:
    """What the client showed. A token counts in the header only (Authorization, "Token Requirements")."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    key = headers.get("x-api-key", "")
    return Credentials(
        bearer=Secret(bearer) if bearer else None, api_key=Secret(key) if key else None, certificate=certificate
    )


def _client(params: JsonObject, method: str) -> str:
    """What the client calls itself, in a few characters: a claim."""
    info = params if method == "initialize" else as_object(params.get("_meta"))
    said = as_object(info.get("clientInfo") if method == "initialize" else info.get(META + "clientInfo"))
    return as_text(said.get("name"))[:100]


def _without_body(http_method: str, head: _Head, body: bytes) -> Reading:
    """GET opens a legacy stream, DELETE ends a legacy session; the modern era has neither."""
    legacy = not head.version or head.version in LEGACY_VERSIONS
    if http_method not in {"GET", "DELETE"} or not legacy or body:
        raise _RefuseError(Wrong.HTTP_METHOD)
    message = Envelope(kind="notification", method=http_method)
    call = head.call(head.arrival.uid, message, _STREAM, head.version or ASSUMED, 0)
    return Reading(
        http_method=http_method,
        items=(Item(call=call),),
        era=Era.LEGACY,
        revision=call.revision,
        head=head.known,
        session=head.session,
    )


_STREAM = Method(verb=Verb.CONNECT)


def _post(head: _Head, body: bytes, limits: Limits) -> Reading:
    if head.known.content:
        raise _RefuseError(Wrong.CONTENT_TYPE, head.known.content)
    try:
        value = decode(body, limits)
    except LimitExceededError as error:
        raise _RefuseError(Wrong.TOO_LARGE, str(error)) from None
    except RemoteProtocolError as error:
        raise _RefuseError(Wrong.NOT_JSON, str(error)) from None
    if isinstance(value, list):
        return _batch(head, cast("list[Any]", value), len(body), limits)
    message = _envelope(value)
    era = era_of_request(head.version, as_object(message.params.get("_meta")))
    item = (_modern if era is Era.MODERN else _legacy)(head, head.arrival.uid, message, len(body))
    return _reading(head, (item,), era, batch=False)


def _envelope(value: Any) -> Envelope:
    try:
        return envelope(value)
    except RemoteProtocolError as error:
        raise _RefuseError(Wrong.NOT_A_MESSAGE, str(error)) from None


def _wrong_content(headers: Mapping[str, str]) -> str:
    """What is wrong with the kind of a body; empty where nothing is."""
    kind, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.partition("charset=")[2].strip('" ').lower()
    if kind.strip().lower() != "application/json" or charset not in {"", "utf-8", "utf8"}:
        return "Content-Type must be application/json in UTF-8"
    return "" if headers.get("content-encoding", "identity").lower() == "identity" else "Content-Encoding is not taken"


def _reading(head: _Head, items: tuple[Item, ...], era: Era, *, batch: bool) -> Reading:
    return Reading(
        http_method="POST",
        items=items,
        era=era,
        revision=items[0].call.revision,
        head=head.known,
        batch=batch,
        session="" if era is Era.MODERN else head.session,
    )


def _modern(head: _Head, uid: str, message: Envelope, size: int) -> Item:
    """A message of 2026-07-28: its version and capabilities in `_meta`, mirrored in headers."""
    if message.kind in {"result", "error"}:
        raise _RefuseError(Wrong.RESPONSE)
    method = method_of(Era.MODERN, message.method)
    if message.kind == "request":
        _check_modern(head, message, method)
    elif head.by_name.get("mcp-method", message.method) != message.method:
        raise _RefuseError(Wrong.HEADER, "header Mcp-Method and the body's method differ")
    if method is None or (message.kind == "notification") != (method.verb is Verb.NOTIFY):
        raise _RefuseError(Wrong.METHOD, id=message.id)
    call = head.call(uid, message, method, MODERN_VERSIONS[0], size)
    return Item(call=call, id=message.id, method=method)


def _check_modern(head: _Head, message: Envelope, method: Method | None) -> None:
    """A request's version, headers and parameters, in the order in which a client can mend them."""
    meta = as_object(message.params.get("_meta"))
    version = meta.get(VERSION)
    if not isinstance(version, str) or not isinstance(meta.get(META + "clientCapabilities"), dict):
        told = "_meta needs io.modelcontextprotocol/protocolVersion and /clientCapabilities"
        raise _RefuseError(Wrong.META, told, id=message.id)
    if head.version != version:
        told = "header MCP-Protocol-Version and the body's version differ"
        raise _RefuseError(
            Wrong.HEADER, told if head.version else "header MCP-Protocol-Version is missing", id=message.id
        )
    if version not in MODERN_VERSIONS:  # which legacy ones are served here too only a handshake can tell
        data: JsonObject = {"supported": list(MODERN_VERSIONS), "requested": version[:100]}
        raise _RefuseError(Wrong.VERSION, "unsupported protocol version", id=message.id, data=data)
    target = message.params.get(method.target) if method and method.target else ""
    try:
        fields.agree(head.by_name, message.method, as_text(target))
    except fields.HeaderError as error:
        raise _RefuseError(Wrong.HEADER, str(error), id=message.id) from None
    _check_target(message, method, Era.MODERN)


def _check_target(message: Envelope, method: Method | None, era: Era) -> None:
    """A method that reaches something by name says the name, and its arguments are an object."""
    if method is None:
        return
    if method.target and not isinstance(message.params.get(method.target), str):
        raise _RefuseError(Wrong.PARAMS, f"{method.target} must be a string", id=message.id, era=era)
    if method.arguments and not isinstance(message.params.get(method.arguments, {}), dict):
        raise _RefuseError(Wrong.PARAMS, f"{method.arguments} must be an object", id=message.id, era=era)


def _legacy(head: _Head, uid: str, message: Envelope, size: int) -> Item:
    """A message of 2024-11-05 to 2025-11-25."""
    revision = head.version or ASSUMED
    if message.kind in {"result", "error"}:
        return Item(call=head.call(uid, message, _STREAM, revision, size))
    method = method_of(Era.LEGACY, message.method)
    if method is None or (message.kind == "notification") != (method.verb is Verb.NOTIFY):
        raise _RefuseError(Wrong.METHOD, id=message.id, era=Era.LEGACY)
    _check_target(message, method, Era.LEGACY)
    _check_mirrored(head, message, method)
    if message.method == "initialize":
        asked = as_text(message.params.get("protocolVersion"))
        revision = asked if asked in LEGACY_VERSIONS else LEGACY_VERSIONS[0]
    return Item(call=head.call(uid, message, method, revision, size), id=message.id, method=method)


def _check_mirrored(head: _Head, message: Envelope, method: Method) -> None:
    """The legacy era mirrors nothing. What stands there must be true all the same: others on the way may read it."""
    if "mcp-method" not in head.by_name and "mcp-name" not in head.by_name:
        return
    target = as_text(message.params.get(method.target)) if method.target else ""
    for header, value in (("mcp-method", message.method), ("mcp-name", target)):
        if header in head.by_name and fields.decoded(head.by_name[header]) != value:
            raise _RefuseError(Wrong.HEADER, f"header {header} and the body differ", id=message.id)


def _batch(head: _Head, values: Sequence[Any], size: int, limits: Limits) -> Reading:
    """Several messages at once, where the revision has them. One that is not understood spoils all."""
    if (head.version or ASSUMED) not in _BATCHES:
        raise _RefuseError(Wrong.BATCH)
    if not values or len(values) > limits.batch_messages_max:
        raise _RefuseError(Wrong.BATCH, f"a batch has 1 to {limits.batch_messages_max} messages")
    items: list[Item] = []
    for number, value in enumerate(values, 1):
        message = _envelope(value)
        if message.method == "initialize" or VERSION in as_object(message.params.get("_meta")):
            raise _RefuseError(Wrong.BATCH, "this message cannot be in a batch")
        items.append(_legacy(head, f"{head.arrival.uid}.{number}", message, size))
    ids = [(type(item.id), item.id) for item in items if item.id is not None]
    if len(set(ids)) != len(ids):
        raise _RefuseError(Wrong.BATCH, "the same id twice in a batch")
    return _reading(head, tuple(items), Era.LEGACY, batch=True)
