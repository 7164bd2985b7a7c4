"""A conversation with a server over one channel: what is said goes out in order, what is heard where it belongs."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from bartizan.adapters.transports.deadlines import NEVER
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.protocol.relay.reading import Reading
from bartizan.protocol.relay.switchboard import Exchange, Switchboard, unanswered

__all__ = ["Answers", "Channel", "Conversation", "ListeningError"]

IDLE = "idle for too long"


class Channel(Protocol):
    """Messages to one server and from it, in order."""

    async def send(self, message: bytes) -> None:
        """Send one message. Raises EOFError when the server has ended, OSError."""
        ...

    async def receive(self) -> bytes:
        """The next message. Raises EOFError with how the server ended, RemoteProtocolError, OSError."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


class ListeningError(Exception):
    """Somebody listens to this session already."""


class Answers:
    """The messages that belong to one exchange, as they come; None is what belongs to the session itself.

    Iterating raises ConnectionError when the server ended before the last one, LimitExceededError when they were not
    taken in time.
    """

    def __init__(self, conversation: "Conversation", exchange: Exchange | None) -> None:
        self.exchange = exchange
        self.waiting: deque[bytes] = deque()
        self.held = 0
        self.over = exchange is not None and exchange.over
        self.failure: Exception | None = None
        self._conversation = conversation
        self._news: asyncio.Future[None] | None = None

    def __aiter__(self) -> "Answers":
        return self

    async def __anext__(self) -> bytes:
        while not self.waiting:
            if self.failure is not None:
                raise self.failure
            if self.over:
                raise StopAsyncIteration
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        message = self.waiting.popleft()
        self.held -= len(message)
        return message

    def put(self, message: bytes) -> None:
        """One more."""
        self.waiting.append(message)
        self.held += len(message)
        self.over = self.exchange is not None and self.exchange.over
        self._wake()

    def fail(self, failure: Exception | None) -> None:
        """There are no more: why, or None where none is missing."""
        self.over, self.failure = True, failure
        self._wake()

    async def aclose(self) -> None:
        """Nobody takes them any more."""
        self._conversation.left(self)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class Conversation:
    """One channel and all that goes on over it. `ended` says why it is over, "" while it is not.

    `on_ended` is told once, when the channel is closed; it may not raise. `deadline` is for `Deadlines`.
    """

    def __init__(
        self,
        channel: Channel,
        board: Switchboard,
        limits: Limits,
        on_ended: "Callable[[Conversation], None]",
    ) -> None:
        self.board, self.ended, self.deadline = board, "", NEVER
        self._channel, self._limits, self._on_ended = channel, limits, on_ended
        self._loop = asyncio.get_running_loop()
        self._saying = asyncio.Lock()
        self._answers: dict[Exchange, Answers] = {}
        self._own: Answers | None = None
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._closing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._hearing = self._loop.create_task(self._hear())
        self._used()

    @property
    def busy(self) -> bool:
        """Whether anybody waits for it, or listens."""
        return bool(self._answers) or self._own is not None

    async def ask(self, reading: Reading, body: bytes, *, streams: bool) -> Answers:
        """Say what a client says; gives what comes back. Raises IdInUseError, ConnectionError."""
        if self.ended:
            raise ConnectionResetError(self.ended)
        self._used()
        exchange, lines = self.board.ask(reading, body, streams=streams)
        answers = Answers(self, exchange)
        if not exchange.over:
            self._answers[exchange] = answers
        try:
            await self._say(lines)
        except BaseException:
            self.left(answers)
            raise
        return answers

    def listen(self) -> Answers:
        """What belongs to no request, from now on and what was kept of it. Raises ListeningError, ConnectionError."""
        if self.ended:
            raise ConnectionResetError(self.ended)
        if self._own is not None:
            raise ListeningError
        own = self._own = Answers(self, None)
        kept, self._kept, self._kept_bytes = self._kept, deque(), 0
        for message in kept:
            own.put(message)
        return own

    def left(self, answers: Answers) -> None:
        """Whoever asked, or listened, has gone."""
        if answers is self._own:
            self._own = None
            for message in answers.waiting:
                self._keep(message)
            self.deadline = self._loop.time() + self._limits.conversation_left_seconds_max
        exchange = answers.exchange
        if exchange is None or self._answers.pop(exchange, None) is None:
            return
        answers.fail(None)
        if lines := self.board.leave(exchange):
            self._start(self._say_if_possible(lines))

    def drain(self) -> None:
        """End the stream of whoever listens: its client comes back when there is somebody again."""
        if self._own is not None:
            own, self._own = self._own, None
            own.fail(None)

    async def close(self, reason: str) -> None:
        """End it, and everything that waits. May be called more than once; each waits for the end."""
        await asyncio.shield(self._start_closing(reason))

    def expire(self) -> None:
        """Nothing was said by any client for too long; what a server says by itself keeps nothing alive."""
        if self.busy:
            self._used()
        elif not self.ended:
            self.deadline = NEVER
            self._start_closing(IDLE)

    # Saying

    async def _say(self, lines: list[bytes]) -> None:
        try:
            for line in lines:
                async with self._saying:
                    await self._channel.send(line)
        except EOFError as error:
            raise ConnectionResetError(str(error)) from None

    async def _say_if_possible(self, lines: list[bytes]) -> None:
        try:
            await self._say(lines)
        except (OSError, RemoteProtocolError):
            return  # it has ended, which its reader says

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Hearing

    async def _hear(self) -> None:
        try:
            while True:
                line = await self._channel.receive()
                for heard in self.board.hear(line):
                    self._place(heard.exchange, heard.message)
        except (EOFError, RemoteProtocolError, OSError) as error:
            self._start_closing(str(error) or type(error).__name__)

    def _place(self, exchange: Exchange | None, message: bytes) -> None:
        if exchange is None:
            if self._own is None:
                self._keep(message)
            else:
                self._own.put(message)
                self._bound()
        elif (answers := self._answers.get(exchange)) is not None:
            answers.put(message)
            if answers.over:
                del self._answers[exchange]
            else:
                self._bound()

    def _keep(self, message: bytes) -> None:
        """Nobody listens now: keep it for a while, the newest."""
        self._kept.append(message)
        self._kept_bytes += len(message)
        most, most_bytes = self._limits.conversation_held_messages_max, self._limits.sse_event_bytes_max
        while len(self._kept) > most or self._kept_bytes > most_bytes:
            self._kept_bytes -= len(self._kept.popleft())
            self.board.faults.note("a message that nobody listened for, beyond what is kept")

    def _bound(self) -> None:
        """Whoever takes its messages too slowly loses them, not the others."""
        most = self._limits.conversation_held_bytes_max
        all_answers = [*self._answers.values(), *([self._own] if self._own else [])]
        if sum(one.held for one in all_answers) <= most:
            return
        slowest = max(all_answers, key=lambda one: one.held)
        slowest.waiting.clear()
        self.left(slowest)
        slowest.fail(LimitExceededError("conversation_held_bytes_max", most))

    # The end

    def _start_closing(self, reason: str) -> "asyncio.Task[None]":
        if self._closing is None:
            self.ended = reason or "ended"
            self._closing = self._loop.create_task(self._close())
        return self._closing

    async def _close(self) -> None:
        answers, self._answers = self._answers, {}
        for exchange, one in answers.items():
            for message in unanswered(exchange, "the server ended before it answered"):
                one.put(message)
            one.fail(ConnectionResetError(self.ended))
        if self._own is not None:
            self._own.fail(None)
            self._own = None
        try:
            await self._channel.close()
        finally:
            for task in (*self._tasks, self._hearing):
                task.cancel()
            await asyncio.gather(*self._tasks, self._hearing, return_exceptions=True)
            self._on_ended(self)

    def _used(self) -> None:
        self.deadline = self._loop.time() + self._limits.conversation_idle_seconds_max
