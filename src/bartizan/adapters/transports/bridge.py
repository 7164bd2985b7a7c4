"""The bridge of a stdio client to one address of streamable HTTP, both eras. It changes no message.

A line that comes in is the body of a POST; each message of an answer is a line that goes out, with its insignificant
line ends as blanks. Nothing but messages goes out, whatever the other side sends. Requests run in threads of their own,
so that one does not wait for another; everything else goes in the order in which it came.
"""

import base64
import contextlib
import queue
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import msgspec

from bartizan.adapters.transports.bridge_http import Endpoint, Failure, Reply
from bartizan.model.errors import LimitExceededError
from bartizan.model.json import as_object
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.protocol.framing import Events

_INTERNAL, _TOO_LARGE, _UNREACHABLE = -32603, -32600, -32000
_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_SESSION = re.compile(r"[\x21-\x7e]{1,1024}")
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_GONE = 404
_Failures = (*Failure.__args__, ValueError, LimitExceededError)


class _Message:
    """A line of the client, and what the headers need to know of it."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        try:
            value: Any = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None  # it goes on as it is: to refuse it is for the gateway, which tells why
        several = cast("list[Any]", value) if isinstance(value, list) else [value]
        said = as_object(value)
        self.method = said["method"] if isinstance(said.get("method"), str) else ""
        self.params = as_object(said.get("params"))
        self.identity: Any = said.get("id") if self.method else None
        self.version = as_object(self.params.get("_meta")).get(_VERSION_KEY)
        self.modern = isinstance(self.version, str)
        self.cancelled = False
        self.asks = any("method" in as_object(one) and "id" in as_object(one) for one in several) or value is None

    def headers(self) -> dict[str, str]:
        """Those of the modern era, which say what the body says."""
        if not self.modern:
            return {}
        told = {"MCP-Protocol-Version": str(self.version), "Mcp-Method": _header(self.method)}
        name = self.params.get(_NAMED.get(self.method, ""))
        return told | ({"Mcp-Name": _header(name)} if isinstance(name, str) else {})


class Bridge:
    """One client, one address. `token` is what this client shows to the gateway."""

    def __init__(
        self, endpoint: Endpoint, source: BinaryIO, target: BinaryIO, *, token: Secret | None, limits: Limits = DEFAULT
    ) -> None:
        self._endpoint, self._source, self._target = endpoint, source, target
        self._token, self._limits = token, limits
        self._writing, self._state = threading.Lock(), threading.Lock()
        self._room = threading.BoundedSemaphore(limits.bridge_requests_max)
        self._asked: dict[Any, tuple[_Message, socket.socket]] = {}
        self._threads: list[threading.Thread] = []
        self._waiting: queue.SimpleQueue[_Message | None] = queue.SimpleQueue()
        self._free = 0
        self._over = threading.Event()
        self._hello: _Message | None = None
        self._session = self._version = ""
        self._listening = False

    def run(self) -> None:
        """Until the client closes its side. Then what is under way may end, for a short time."""
        try:
            for line in self._lines():
                message = _Message(line)
                if message.method == "notifications/cancelled" and self._cancel(message):
                    continue
                if message.asks and message.method != "initialize":
                    self._start(message)
                else:  # what follows rests on it: the session, and the order of notifications
                    self._carry(message)
        finally:
            self._end()

    def _lines(self) -> Iterator[bytes]:
        most = self._limits.message_bytes_max
        while line := self._source.readline(most + 1):
            if len(line) > most:
                while line and not line.endswith(b"\n"):
                    line = self._source.readline(most)
                self._refuse(None, _TOO_LARGE, f"a message larger than {most} bytes")
            elif line.strip():
                yield line.strip()

    def _start(self, message: _Message) -> None:
        """Have it carried beside the reading: by a thread that is free, or by one more."""
        self._room.acquire()
        with self._state:
            free = self._free > 0
            self._free -= free
        self._waiting.put(message)
        if not free:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (message := self._waiting.get()) is not None:
            try:
                self._carry(message)
                with self._state:
                    self._free += 1
            finally:
                self._room.release()

    def _carry(self, message: _Message) -> None:
        """Send one message and write what comes back. What fails is an answer too, never an exception."""
        try:
            session = self._session
            if self._exchange(message) == _GONE:
                again = bool(session) and self._renew(session) and self._exchange(message) != _GONE
                if not again:
                    self._refuse(message, _UNREACHABLE, "the gateway knows no such server or session")
        except _Failures as error:
            told = str(error) if isinstance(error, ValueError | LimitExceededError) else "it does not answer"
            self._refuse(message, _UNREACHABLE, f"the gateway could not be asked: {told}")
        if message.method == "notifications/initialized":
            self._listen()

    def _exchange(self, message: _Message, *, silent: bool = False) -> int:
        """One POST; its status. A 404 of a session is left to the caller."""
        connection = self._endpoint.open()
        whole = False
        if message.identity is not None and connection.sock and not silent:
            self._asked[_key(message.identity)] = message, connection.sock
        try:
            headers = self._headers() | {"Content-Type": "application/json"} | message.headers()
            if message.method == "initialize":
                headers.pop("Mcp-Session-Id", None)
                headers.pop("MCP-Protocol-Version", None)
            reply = self._endpoint.ask(connection, "POST", headers, message.body, self._limits.bridge_seconds_max)
            if reply.status == _GONE and message.method != "initialize":
                reply.read(self._limits.metadata_bytes_max)
                whole = True
                return _GONE
            answered = self._relay(message, reply, silent=silent)
            whole = True
            if message.identity is not None and not answered and not silent:
                self._refuse(message, _INTERNAL, _why(reply.status))
            return 0
        finally:
            if not silent:
                self._asked.pop(_key(message.identity), None)
            self._endpoint.give_back(connection, whole=whole and not message.cancelled)

    def _relay(self, message: _Message, reply: Reply, *, silent: bool) -> bool:
        """Write the messages of an answer; whether the one that was asked for was among them."""
        answered = False
        for body in self._bodies(reply):
            value = _json_rpc(body)
            if value is None:
                continue
            said, asked = as_object(value), message.identity is not None
            mine = asked and "method" not in said and said.get("id") == message.identity
            if mine and message.method == "initialize":
                self._keep(message, reply, as_object(said.get("result")))
            if asked and "error" in said and said.get("id") is None:  # it names no request, but came in answer to this
                error = as_object(said["error"])
                self._refuse(message, int(error.get("code") or _INTERNAL), str(error.get("message", "")))
                mine = True
            elif not silent:
                self._write(body)
            answered = answered or mine
        return answered

    def _bodies(self, reply: Reply) -> Iterator[bytes]:
        if reply.kind != "text/event-stream":
            yield reply.read(self._limits.message_bytes_max)
            return
        events = Events(self._limits)
        for chunk in reply.chunks():
            yield from (event.data for event in events.feed(chunk))

    def _keep(self, message: _Message, reply: Reply, result: dict[str, Any]) -> None:
        """What the answer to `initialize` settles for all that follows."""
        session, version = reply.header("mcp-session-id"), result.get("protocolVersion")
        with self._state:
            self._hello = message
            self._session = session if _SESSION.fullmatch(session) else ""
            self._version = version if isinstance(version, str) and _PLAIN.fullmatch(version) else ""

    def _renew(self, session: str) -> bool:
        """Begin a new session in place of one that the gateway has lost, as by its restart. The client sees nothing."""
        with self._state:
            hello, renewed = self._hello, self._session != session
        if hello is None or renewed:
            return renewed
        self._exchange(hello, silent=True)
        self._exchange(_Message(b'{"jsonrpc":"2.0","method":"notifications/initialized"}'), silent=True)
        return self._session != session

    def _headers(self) -> dict[str, str]:
        with self._state:
            told = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": self._version}
            told |= {"Mcp-Session-Id": self._session}
        if self._token is not None:
            told["Authorization"] = f"Bearer {self._token.reveal()}"
        return {name: value for name, value in told.items() if value}

    def _cancel(self, message: _Message) -> bool:
        """Cancel a request of the modern era: there, the end of its connection says so, and no message does."""
        if self._hello is not None:
            return False
        message_and_socket = self._asked.pop(_key(message.params.get("requestId")), None)
        if message_and_socket is not None:
            asked, connection = message_and_socket
            asked.cancelled = True
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return True

    def _listen(self) -> None:
        """Hear what the server says by itself, where it offers a stream for that (the legacy era)."""
        if self._session and not self._listening:
            self._listening = True
            threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        last, wait = "", 1.0
        while not self._over.wait(wait):
            events = Events(self._limits)
            with contextlib.suppress(*_Failures):
                connection = self._endpoint.open()
                try:
                    headers = self._headers() | {"Accept": "text/event-stream"}
                    headers |= {"Last-Event-ID": last} if _PLAIN.fullmatch(last) else {}
                    reply = self._endpoint.ask(connection, "GET", headers, None, None)
                    if reply.status != 200 or reply.kind != "text/event-stream":
                        if reply.status != _GONE:  # no such stream; a session that is gone is begun anew by a request
                            return
                        continue
                    for chunk in reply.chunks():
                        for event in events.feed(chunk):
                            last = event.id or last
                            if _json_rpc(event.data) is not None:
                                self._write(event.data)
                finally:
                    self._endpoint.give_back(connection, whole=False)
            wait = min(max((events.retry_milliseconds or 1_000) / 1_000, 0.1), 60.0)

    def _refuse(self, message: _Message | None, code: int, why: str) -> None:
        """Answer a request ourselves. A request that was cancelled, and a notification, get no answer."""
        if message is not None and (message.cancelled or not message.asks):
            return
        identity = message.identity if message else None
        error = {"code": code, "message": why[:500]}
        self._write(msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "error": error}))

    def _write(self, body: bytes) -> None:
        # A raw line end cannot stand inside of a JSON text, so here it means nothing.
        line = body.replace(b"\r", b" ").replace(b"\n", b" ").strip() + b"\n"
        with self._writing, contextlib.suppress(OSError, ValueError):  # the client went away: its side ends soon
            self._target.write(line)
            self._target.flush()

    def _end(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(self._limits.stop_seconds_max)
        self._over.set()
        if self._session:
            with contextlib.suppress(*_Failures):
                connection = self._endpoint.open()
                try:
                    self._endpoint.ask(connection, "DELETE", self._headers(), None, self._limits.stop_seconds_max)
                finally:
                    connection.close()
        self._endpoint.close()


def _header(value: str) -> str:
    """A text as a header can hold it ("Value Encoding" of the transport)."""
    if _PLAIN.fullmatch(value) and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def _key(identity: Any) -> Any:
    return (type(identity).__name__, identity) if isinstance(identity, str | int | float) else None


def _json_rpc(body: bytes) -> Any:
    """A message, or a batch of them; None for anything else."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    several = cast("list[Any]", value) if isinstance(value, list) else [value]
    return cast("Any", value) if several and all(as_object(one).get("jsonrpc") == "2.0" for one in several) else None


def _why(status: int) -> str:
    told = {401: "it asks for a credential", 403: "this client may not", 429: "too many calls: try again later"}
    if status == 200:
        return "the gateway's answer ended before the message"
    return f"the gateway refused with HTTP status {status}" + (f": {told[status]}" if status in told else "")
