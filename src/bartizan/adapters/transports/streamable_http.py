"""Streamable HTTP, both eras: one POST for each message, its answer as JSON or as a stream of events."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from urllib.parse import urljoin

from bartizan.adapters.transports.outbound import OutboundClient, Response
from bartizan.adapters.transports.url import same_origin
from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError, reason_of
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.snapshot import Era
from bartizan.ports import Message, RequestRefusedError
from bartizan.protocol.framing import Events

ACCEPT = "application/json, text/event-stream"
_SESSION = re.compile(r"[\x21-\x7e]{1,1024}")
_WAITING_MAX = 64


class StreamableHttpTransport:
    """One endpoint. `headers` are the configured ones, secrets included; they go to its origin alone."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        client: OutboundClient,
        *,
        limits: Limits = DEFAULT,
    ) -> None:
        self._url, self._headers, self._client, self._limits = url, dict(headers), client, limits
        self._incoming: asyncio.Queue[bytes | Exception] = asyncio.Queue(_WAITING_MAX)
        self._posts: set[asyncio.Task[None]] = set()
        self._session = ""
        self._version = ""
        self._bytes = 0

    async def open(self) -> None:
        """Nothing to do: each message makes its own connection."""

    async def send(self, message: Message) -> None:
        """Start the POST; its answers come by `receive`. A notification is waited for, so that order holds."""
        if message.era is Era.LEGACY:
            self._version = message.protocol_version
        post = asyncio.create_task(self._post(message))
        self._posts.add(post)
        post.add_done_callback(self._posts.discard)
        if not message.expects_reply:
            await asyncio.wait((post,), timeout=self._limits.request_seconds_max)

    async def receive(self) -> bytes:
        """The next message of any stream. Raises what a POST met, RequestRefusedError among it."""
        item = await self._incoming.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def close(self) -> None:
        """Drop what is under way and, in the legacy era, end the session."""
        posts = tuple(self._posts)
        for post in posts:
            post.cancel()
        await asyncio.gather(*posts, return_exceptions=True)
        if self._session:
            with contextlib.suppress(OSError, RemoteProtocolError, LocalProtocolError, ValueError):
                response = await self._client.request(
                    "DELETE",
                    self._url,
                    headers=self._common_headers(self._version),
                    deadline_seconds=self._limits.stop_seconds_max,
                )
                await response.close()
            self._session = ""

    def diagnostics(self) -> str:
        """A server reached over HTTP says nothing beside the protocol."""
        return ""

    def _common_headers(self, version: str) -> dict[str, str]:
        headers = {**self._headers, "Accept": ACCEPT}
        if version:
            headers["MCP-Protocol-Version"] = version
        if self._session:
            headers["Mcp-Session-Id"] = self._session
        return headers

    def _headers_for(self, message: Message) -> dict[str, str]:
        headers = self._common_headers(message.protocol_version) | {"Content-Type": "application/json"}
        if message.era is Era.MODERN:
            headers["Mcp-Method"] = message.method
            if message.name:
                headers["Mcp-Name"] = message.name
        return headers

    async def _post(self, message: Message) -> None:
        try:
            await self._exchange(message)
        except (RequestRefusedError, LimitExceededError) as error:
            await self._incoming.put(error)
        except (OSError, RemoteProtocolError, LocalProtocolError, ValueError) as error:  # of this request alone
            await self._incoming.put(RequestRefusedError(message.identity, 0, reason_of(error)))

    async def _exchange(self, message: Message) -> None:
        response = await self._follow(message, self._headers_for(message))
        try:
            self._keep_session(message, response)
            if not 200 <= response.status < 300:
                await self._refused(message, response)
            elif response.header("content-type").partition(";")[0].strip().lower() == "text/event-stream":
                await self._stream(message, response)
            elif message.expects_reply:
                await self._deliver(await self._body(response), message)
        finally:
            await response.close()

    async def _follow(self, message: Message, headers: dict[str, str]) -> Response:
        """Send it; a redirect that keeps the method is followed on the same origin, and nowhere else."""
        for _ in range(self._limits.redirects_max + 1):
            response = await self._client.request(
                "POST",
                self._url,
                headers=headers,
                body=message.body,
                deadline_seconds=max(self._limits.request_seconds_max, self._limits.start_seconds_max),
            )
            if response.status not in {307, 308}:
                return response
            target = urljoin(self._url, response.header("location"))
            await response.close()
            if not same_origin(target, self._url):
                raise RequestRefusedError(message.identity, response.status, "redirects to another origin")
            self._url = target
        raise RequestRefusedError(message.identity, 308, "redirects in a circle")

    def _keep_session(self, message: Message, response: Response) -> None:
        if message.method != "initialize" or not (session := response.header("mcp-session-id")):
            return
        if not _SESSION.fullmatch(session):
            raise RemoteProtocolError("a session id that is not visible ASCII")
        self._session = session

    async def _refused(self, message: Message, response: Response) -> None:
        try:
            body = await response.read(self._limits.metadata_bytes_max)
        except (OSError, RemoteProtocolError):
            body = b""
        raise RequestRefusedError(
            message.identity,
            response.status,
            f"HTTP status {response.status}",
            body=body,
            challenge=response.header("www-authenticate"),
        )

    async def _body(self, response: Response) -> bytes:
        return await response.read(self._limits.message_bytes_max)

    async def _stream(self, message: Message, response: Response) -> None:
        events = Events(self._limits)
        async for chunk in response.chunks():
            self._count(len(chunk))
            for event in events.feed(chunk):
                if event.data.strip():
                    await self._incoming.put(event.data)
        if message.expects_reply:
            raise RequestRefusedError(message.identity, 0, "the stream ended without the answer")

    async def _deliver(self, body: bytes, message: Message) -> None:
        self._count(len(body))
        if body.strip():
            await self._incoming.put(body)
        # Heard only if the body was not the answer.
        raise RequestRefusedError(message.identity, 0, "the response held no answer that could be read")

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._limits.probe_bytes_max:
            raise LimitExceededError("probe_bytes_max", self._limits.probe_bytes_max)
