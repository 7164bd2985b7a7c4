"""Servers that are reached over one channel, fronted as streamable HTTP: one channel for each legacy session, and one
for all modern requests of a principal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from bartizan.adapters.transports.children import ChildRefusedError
from bartizan.adapters.transports.conversation import Answers, Channel, Conversation
from bartizan.adapters.transports.deadlines import Deadlines
from bartizan.app.said import EVENTS, JSON, EventBody, Pieces, Said, id_of, listening, refused, takes, whole
from bartizan.model.json import JsonObject, as_object
from bartizan.model.limits import Limits
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import decode, encode, envelope
from bartizan.protocol.mcp import CLIENT_INFO, META
from bartizan.protocol.relay.eras import BRIDGES, MODERN_VERSIONS, VERSION, era_shown
from bartizan.protocol.relay.reading import Arrival, Reading, read
from bartizan.protocol.relay.refusals import Wrong, error
from bartizan.protocol.relay.switchboard import IdInUseError, SessionBoard, SharedBoard, Switchboard

Open = Callable[[str, Reading], Awaitable[Channel]]
"""Opens the channel of a session for the request that needs it. Raises ChildRefusedError, RemoteProtocolError, OSError.
"""

PREFIX = "bz-"
"""What the ids of sessions begin with that the gateway itself has made."""


class Conversing:
    """One server over channels. `token` gives random characters, `on_ended` hears of every conversation that is over.

    `modern` is whether its transport can carry the modern era at all.
    """

    def __init__(
        self,
        open_channel: Open,
        limits: Limits,
        token: Callable[[], str],
        *,
        modern: bool = True,
        on_ended: Callable[[Conversation], None] = lambda _conversation: None,
    ) -> None:
        self._open_channel, self._limits, self._token, self._on_ended = open_channel, limits, token, on_ended
        self._modern = modern
        self._sessions: dict[str, Conversation] = {}
        self._owners: dict[Conversation, str] = {}
        self._shared: dict[str, Conversation] = {}
        self._beginning: dict[str, asyncio.Task[Conversation | None]] = {}
        self._legacy_until = 0.0
        self._deadlines = Deadlines(min(limits.conversation_idle_seconds_max, limits.conversation_left_seconds_max))

    async def send(self, reading: Reading, headers: Sequence[tuple[str, str]], body: bytes) -> Said:
        """Answer one request. Raises RemoteProtocolError, OSError."""
        said = dict(headers)
        try:
            if reading.era is Era.MODERN:
                return await self._to_shared(reading, said, body)
            if reading.opens:
                return await self._opened(reading, body)
            return await self._in_session(reading, said, body)
        except IdInUseError:
            return refused(reading, Wrong.NOT_A_MESSAGE, "this id is in use")
        except ChildRefusedError as busy:
            wait = ("retry-after", str(int(busy.retry_seconds) + 1))
            text = encode(error(id_of(reading), -32603, "Not available at the moment"))
            return Said(503, (*JSON, wait), Pieces(text))

    def drain(self) -> None:
        """End the streams that would never end by themselves."""
        for one in self._owners:
            one.drain()

    async def close(self) -> None:
        """End every conversation."""
        beginning = tuple(self._beginning.values())
        for task in beginning:
            task.cancel()
        await asyncio.gather(*beginning, return_exceptions=True)
        everything = tuple(self._owners)
        await asyncio.gather(*(one.close("the gateway stops") for one in everything), return_exceptions=True)
        self._deadlines.stop()

    # The legacy era: a channel for each session

    async def _opened(self, reading: Reading, body: bytes) -> Said:
        """The answer to `initialize`. Its result opens a session; anything else leaves nothing."""
        session = PREFIX + self._token()
        conversation = await self._begin(session, reading, SessionBoard(self._limits))
        try:
            answers = await conversation.ask(reading, body, streams=False)
            message = await _only(answers)
        except BaseException:
            await conversation.close("it was not opened")
            raise
        if envelope(decode(message, self._limits)).kind != "result":
            await conversation.close("it was not opened")
            return Said(200, JSON, Pieces(message))
        self._sessions[session] = conversation
        return Said(200, (*JSON, ("mcp-session-id", session)), Pieces(message))

    async def _in_session(self, reading: Reading, headers: dict[str, str], body: bytes) -> Said:
        session = headers.get("mcp-session-id", "")
        if not session:
            return refused(reading, Wrong.NOT_A_MESSAGE, "header Mcp-Session-Id is missing: open with initialize")
        conversation = self._sessions.get(session)
        if conversation is None or conversation.ended:
            return refused(reading, Wrong.SESSION)
        if reading.http_method == "DELETE":
            await conversation.close("its client has ended it")
            return Said(200, (), Pieces())
        if reading.http_method == "GET":
            return listening(reading, headers, conversation)
        return await self._asked(conversation, reading, headers, body)

    # The modern era: one channel for a principal

    async def _to_shared(self, reading: Reading, headers: dict[str, str], body: bytes) -> Said:
        if not reading.ids:
            return Said(202, (), Pieces())  # `notifications/cancelled`, which over HTTP means nothing
        conversation = await self._conversation_of(reading)
        if conversation is None:
            bridge = BRIDGES[Era.MODERN, Era.LEGACY]
            data: JsonObject = {"supported": list(bridge.supported), "requested": reading.revision}
            return refused(reading, Wrong.ERAS, bridge.told, data)
        return await self._asked(conversation, reading, headers, body)

    async def _conversation_of(self, reading: Reading) -> Conversation | None:
        """The principal's conversation, begun where there is none; None where the server is a legacy one."""
        if not self._modern or asyncio.get_running_loop().time() < self._legacy_until:
            return None
        owner = _owner(reading)
        known = self._shared.get(owner)
        if known is not None and not known.ended:
            return known
        task = self._beginning.get(owner)
        if task is None:
            task = self._beginning[owner] = asyncio.create_task(self._begin_shared(owner, reading))
            task.add_done_callback(lambda done: self._begun(owner, done))
        return await asyncio.shield(task)  # others may wait for the same one

    def _begun(self, owner: str, task: "asyncio.Task[Conversation | None]") -> None:
        self._beginning.pop(owner, None)
        if not task.cancelled():
            task.exception()  # whoever asked has it; nobody may be left who did

    async def _begin_shared(self, owner: str, reading: Reading) -> Conversation | None:
        """Begin one and ask which era it speaks: some legacy servers would carry out modern calls in their own way."""
        conversation = await self._begin(f"modern {owner}", reading, SharedBoard(self._limits))
        try:
            async with asyncio.timeout(self._limits.discover_seconds_max):
                probe, body = _probe(reading)
                answers = await conversation.ask(probe, body, streams=False)
                shown = era_shown("server/discover", 200, as_object(decode(await _only(answers), self._limits)))
        except TimeoutError:
            shown = Era.LEGACY  # stdio, "Backward Compatibility": some do not answer at all
        except BaseException:
            await conversation.close("it could not be asked for its era")
            raise
        if shown is not Era.LEGACY:
            self._shared[owner] = conversation
            return conversation
        self._legacy_until = asyncio.get_running_loop().time() + self._limits.era_seconds_max
        await conversation.close("it does not speak the modern era")
        return None

    # Both

    async def _begin(self, session: str, reading: Reading, board: Switchboard) -> Conversation:
        """A conversation over a channel of its own. Raises ChildRefusedError when the principal has too many."""
        owner = _owner(reading)
        if list(self._owners.values()).count(owner) >= self._limits.conversations_of_principal_max:
            raise ChildRefusedError("limit conversations_of_principal_max reached", 1)
        channel = await self._open_channel(session, reading)
        conversation = Conversation(channel, board, self._limits, self._ended)
        self._owners[conversation] = owner
        self._deadlines.add(conversation)
        return conversation

    def _ended(self, conversation: Conversation) -> None:
        self._deadlines.watched.discard(conversation)
        owner = self._owners.pop(conversation, "")
        if self._shared.get(owner) is conversation:
            del self._shared[owner]
        for session in [one for one, its in self._sessions.items() if its is conversation]:
            del self._sessions[session]
        self._on_ended(conversation)

    async def _asked(self, conversation: Conversation, reading: Reading, headers: dict[str, str], body: bytes) -> Said:
        """What comes back to a request: one JSON text if that is all and comes soon, else events."""
        streams = takes(headers, "text/event-stream")
        answers = await conversation.ask(reading, body, streams=streams)
        if not reading.ids:
            return Said(202, (), Pieces())
        try:
            if not streams:
                return whole(reading, [message async for message in answers])
            first = await self._first(answers)
        except BaseException:
            await answers.aclose()
            raise
        if first is not None and answers.over and not answers.waiting and not reading.batch:
            return whole(reading, [first])
        return Said(200, EVENTS, EventBody(first, answers))

    async def _first(self, answers: Answers) -> bytes | None:
        """The first message, if it comes before the client could think that nobody is there."""
        try:
            async with asyncio.timeout(self._limits.answer_whole_seconds_max):
                first = await anext(answers)
        except TimeoutError:
            return None
        if answers.failure is not None:
            raise answers.failure
        return first


async def _only(answers: Answers) -> bytes:
    """The answer that is the only message. Raises ConnectionError, LimitExceededError."""
    try:
        message = await anext(answers)
    except BaseException:
        await answers.aclose()
        raise
    if answers.failure is not None:
        raise answers.failure
    return message


def _owner(reading: Reading) -> str:
    principal = reading.items[0].call.principal
    return principal.id if principal else ""


def _probe(reading: Reading) -> tuple[Reading, bytes]:
    """A `server/discover` of the gateway's own."""
    meta = {VERSION: MODERN_VERSIONS[0], META + "clientCapabilities": {}, META + "clientInfo": CLIENT_INFO}
    method = "server/discover"
    body = encode({"jsonrpc": "2.0", "id": 0, "method": method, "params": {"_meta": meta}})
    headers = (
        ("content-type", "application/json"),
        ("mcp-protocol-version", MODERN_VERSIONS[0]),
        ("mcp-method", method),
    )
    call = reading.items[0].call
    made = read("POST", headers, body, Arrival(uid=call.uid, at=call.at, server=call.server))
    return cast("Reading", made), body
