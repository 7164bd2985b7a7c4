"""Servers as child processes, one for each session: bounded in number, and none survives its session.

A child runs below a supervisor (`reaper.py`), which ends it and all its descendants when the session or this process
ends.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bartizan.adapters.transports.stdio import StdioTransport
from bartizan.model.errors import LocalProtocolError, RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.model.secret import MARK, Secret
from bartizan.ports import Message

__all__ = ["Child", "ChildPool", "ChildRefusedError", "Command"]

_BACK_OFF_FIRST = 1 / 64  # of the longest back-off
_BYTES_OF_A_SESSION = 2**62  # a session may last; what is bounded is each message
_CLOSED = "its session was closed"
_SECRET_CHARACTERS_MIN = 4  # of a shorter one, every other word of a log would be a mark


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """How to start one configured server. `environment` is all that it gets beside what a program needs to run.

    `shown` is the command as people may read it.
    """

    server: str
    command: Sequence[str]
    environment: Mapping[str, Secret] = {}
    directory: str | None = None
    shown: str = ""


class ChildRefusedError(OSError):
    """No child is started now: too many are running, or this server's last ones ended at once.

    `retry_seconds` is when to ask again.
    """

    def __init__(self, reason: str, retry_seconds: float) -> None:
        super().__init__(reason)
        self.retry_seconds = retry_seconds


class Child:
    """One running server of one session, of which `owner` is responsible. `ended` says how it ended, "" while it runs.

    `started` is on the loop's clock.
    """

    def __init__(
        self, pool: "ChildPool", command: Command, session: str, owner: str, transport: StdioTransport
    ) -> None:
        self.server, self.session, self.owner, self.ended = command.server, session, owner, ""
        self.shown, self.pid = command.shown, transport.pid
        self._pool, self._transport, self._loop = pool, transport, asyncio.get_running_loop()
        self._secrets = tuple(command.environment.values())
        self._closing: asyncio.Task[None] | None = None
        self.started = self._loop.time()
        self.answered = False

    async def send(self, message: bytes) -> None:
        """Send one message. Raises LocalProtocolError for what is not one line, EOFError when the child has ended."""
        if b"\n" in message or b"\r" in message:
            raise LocalProtocolError("a message to a child is one line")
        if self.ended:
            raise EOFError(self.ended)
        await self._transport.send(Message(body=message, method=""))

    async def receive(self) -> bytes:
        """The next message. Raises EOFError with how the child ended, LimitExceededError; both end it.

        Cancelling loses no message.
        """
        if self.ended:
            raise EOFError(self.ended)
        try:
            message = await self._transport.receive()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.ended or (task is not None and task.cancelling()):
                raise
            raise EOFError(self.ended) from None  # it was ended meanwhile, not whoever waits here
        except (EOFError, RemoteProtocolError, OSError) as error:
            await self._end(self.ended or str(error))
            if isinstance(error, RemoteProtocolError):
                raise
            raise EOFError(self.ended) from None
        self.answered = True
        return message

    async def close(self) -> None:
        """End it and everything that it started. May be called more than once; each waits for the end."""
        await self._end(_CLOSED)

    def diagnostics(self) -> str:
        """The beginning and the end of what it wrote to standard error, without secrets."""
        text = self._transport.diagnostics()
        for value in sorted((one.reveal() for one in self._secrets), key=len, reverse=True):
            if len(value) >= _SECRET_CHARACTERS_MIN:
                text = text.replace(value, MARK)
        return self._pool.redact(text)

    async def _end(self, reason: str) -> None:
        await asyncio.shield(self._start_ending(reason))  # whoever gives up waiting does not leave it half ended

    def _start_ending(self, reason: str) -> "asyncio.Task[None]":
        if self._closing is None:
            self.ended = reason or "ended"
            self._pool.leaving(self)
            self._closing = self._loop.create_task(self._close())
        return self._closing

    async def _close(self) -> None:
        try:
            await self._transport.close()
        finally:
            self._pool.left(self)


class ChildPool:
    """All children of this process. `redact` takes secrets out of what they write to standard error.

    `on_started` and `on_ended` are told of each child; they may not raise.
    """

    def __init__(
        self,
        limits: Limits,
        redact: Callable[[str], str],
        *,
        on_started: Callable[[Child], None] | None = None,
        on_ended: Callable[[Child], None] | None = None,
    ) -> None:
        self.limits, self.redact = limits, redact
        self._on_started, self._on_ended = on_started, on_ended
        self._each = msgspec.structs.replace(limits, probe_bytes_max=_BYTES_OF_A_SESSION)
        self._children: dict[tuple[str, str], Child] = {}
        self._leaving: set[Child] = set()
        self._starting: dict[tuple[str, str], asyncio.Task[Child]] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._closed = False

    @property
    def running(self) -> int:
        """How many children run, are being started, or are being ended."""
        return len(self._children) + len(self._leaving) + len(self._starting)

    async def open(self, server: Command, session: str, owner: str = "") -> Child:
        """The session's child of this server, started where there is none. Raises ChildRefusedError, OSError."""
        key = server.server, session
        if (child := self._children.get(key)) is not None:
            return child
        starting = self._starting.get(key)
        if starting is None:
            self._permit(server.server, owner)
            starting = self._starting[key] = asyncio.create_task(self._start(server, session, owner))
            starting.add_done_callback(lambda task: self._settled(key, task))
        return await asyncio.shield(starting)  # another one may wait for the same child

    async def close_session(self, session: str) -> None:
        """End every child of a session, also those that are being started."""
        keys = [key for key in (*self._starting, *self._children) if key[1] == session]
        await self._close(keys)

    async def close(self) -> None:
        """End every child, and start none any more."""
        self._closed = True
        await self._close([*self._starting, *self._children])
        await asyncio.gather(*(child.close() for child in tuple(self._leaving)), return_exceptions=True)

    def forgive(self, server: str) -> None:
        """Start a server again at once, whatever its last processes did: its configuration has changed."""
        self._failures.pop(server, None)

    async def _close(self, keys: list[tuple[str, str]]) -> None:
        starting = [task for key in keys if (task := self._starting.get(key))]
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        children = [child for key in keys if (child := self._children.get(key))]
        await asyncio.gather(*(child.close() for child in children), return_exceptions=True)

    async def _start(self, server: Command, session: str, owner: str) -> Child:
        environment = {name: value.reveal() for name, value in server.environment.items()}
        transport = StdioTransport(server.command, environment, directory=server.directory, limits=self._each)
        try:
            async with asyncio.timeout(self.limits.start_seconds_max):
                await transport.open()
        except BaseException as error:
            if isinstance(error, OSError):
                self._failed(server.server)
            await transport.close()
            raise
        child = self._children[server.server, session] = Child(self, server, session, owner, transport)
        if self._on_started is not None:
            self._on_started(child)
        return child

    def _settled(self, key: tuple[str, str], task: "asyncio.Task[Child]") -> None:
        self._starting.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever asked has it; nobody may be left who did

    def _permit(self, server: str, owner: str) -> None:
        """Whether another child of this server may be started now. Raises ChildRefusedError."""
        if self._closed:
            raise ChildRefusedError("the gateway is stopping", 0)
        if self.running >= self.limits.children_max:
            raise ChildRefusedError(f"limit children_max ({self.limits.children_max}) reached", 1)
        most = self.limits.children_of_owner_max
        if sum(child.owner == owner for child in (*self._children.values(), *self._leaving)) >= most:
            raise ChildRefusedError(f"limit children_of_owner_max ({most}) reached", 1)
        _, not_before = self._failures.get(server, (0, 0.0))
        left = not_before - asyncio.get_running_loop().time()
        if left > 0:
            raise ChildRefusedError("its last processes ended at once or could not be started", left)

    def leaving(self, child: Child) -> None:
        """A child is being ended: its place in the session is free, its place under the cap is not yet."""
        self._children.pop((child.server, child.session), None)
        self._leaving.add(child)
        if child.answered:
            self._failures.pop(child.server, None)
        elif child.ended != _CLOSED:
            self._failed(child.server)

    def left(self, child: Child) -> None:
        """A child is gone, with all that it started."""
        self._leaving.discard(child)
        if self._on_ended is not None:
            self._on_ended(child)

    def _failed(self, server: str) -> None:
        """Wait twice as long as the last time before the next one is started."""
        count, _ = self._failures.get(server, (0, 0.0))
        longest = self.limits.child_back_off_seconds_max
        wait = min(longest, longest * _BACK_OFF_FIRST * 2 ** min(count, 20))
        self._failures[server] = count + 1, asyncio.get_running_loop().time() + wait
