"""Which servers may be fronted: each is looked at once, at the start and at a reload, and policy decides.

What did not answer is not fronted until it has, and was looked at: a server that is down is no way around.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from bartizan.app.senders import Wrapped
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.need import Reached
from bartizan.prevent.exposure import accepted, refusal
from bartizan.prevent.policy import Rules

Look = Callable[[str], Awaitable[Reached]]


class Fronting:
    """What is known of each server. `look` asks the server at a URL and raises OSError where it does not answer."""

    def __init__(self, urls: Mapping[str, str], look: Look, limits: Limits, wrapped: Wrapped | None = None) -> None:
        """`urls` are those of the configured servers, empty where a command starts one; `wrapped` gives the others."""
        self._own, self._look, self._limits, self._wrapped = urls, look, limits, wrapped
        # What a command starts is a child of the gateway: nobody else reaches it.
        self._known = {name: Reached() for name, url in urls.items() if not url}
        self._others: dict[str, Reached] = {}
        self._stamp = -1
        self._under_way: dict[str, asyncio.Task[Reached]] = {}
        self._again: dict[str, float] = {}

    def known(self, server: str) -> Reached | None:
        """What was found of a server; None where it has not answered yet."""
        if server in self._own or self._wrapped is None:
            return self._known.get(server)
        if (stamp := self._wrapped.stamp()) != self._stamp:  # another server may have the name now
            self._stamp, self._others = stamp, {}
        return self._others.get(server)

    def _urls(self) -> dict[str, str]:
        launches: Mapping[str, Launch] = self._wrapped.launches() if self._wrapped else {}
        others = {name: one.url.reveal() if one.url else "" for name, one in launches.items()}
        return {**others, **self._own}

    async def reached(self, server: str) -> Reached:
        """What is known, or what a look finds now. Raises OSError; a server that did not answer is let be for a while.

        However many ask, there is one look. Who no longer waits for it does not end it.
        """
        if (found := self.known(server)) is not None:
            return found
        task = self._under_way.get(server)
        if task is None:
            now = asyncio.get_running_loop().time()
            if now < self._again.get(server, 0.0):
                raise ConnectionError("it did not answer a moment ago")
            self._again[server] = now + self._limits.reach_again_seconds
            task = self._under_way[server] = asyncio.create_task(self._one(server))
            task.add_done_callback(lambda done: self._done(server, done))
        return await asyncio.shield(task)

    async def _one(self, server: str) -> Reached:
        url = self._urls()[server]
        found = await self._look(url) if url else Reached()
        (self._known if server in self._own else self._others)[server] = found
        return found

    def _done(self, server: str, task: asyncio.Task[Reached]) -> None:
        self._under_way.pop(server, None)
        if not task.cancelled():
            task.exception()  # whoever asked was told; nobody may have waited to the end

    async def look(self, rules: Rules) -> dict[str, str]:
        """Look at every server anew. Gives, by server, why it is not fronted. What is accepted whole is not asked."""
        asked = [name for name, url in self._urls().items() if url and not accepted(rules, name)]
        self._again.clear()
        found = await asyncio.gather(*(self._one(name) for name in asked), return_exceptions=True)
        told: dict[str, str] = {}
        for name, one in zip(asked, found, strict=True):
            if isinstance(one, OSError):
                self._known.pop(name, None)
                self._others.pop(name, None)
                told[name] = f"{name} is not fronted until it answers and was looked at: {one}"
            elif isinstance(one, BaseException):
                raise one
            elif (decision := refusal(rules, name, one)) is not None:
                told[name] = f"{name} is not fronted: {decision.reason}\n  To permit it: {decision.exception}"
        return told
