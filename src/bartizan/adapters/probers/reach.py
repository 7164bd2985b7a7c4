"""How a server is reached by who goes around the gateway: without credentials, in the clear, from elsewhere."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from bartizan.adapters.collectors.network import NetworkLadder
from bartizan.adapters.transports.http1 import Target, parse_target
from bartizan.adapters.transports.outbound import any_address, resolve
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Reached
from bartizan.model.policy import Exposure

_ADDRESSES_MAX = 16
_REFUSES = frozenset({"authentication_required", "client_certificate", "forbidden"})


class ReachProber:
    """Looks at one URL, by the ladder that looks at networks. No credential is sent and no tool is listed or called.

    `own` are this machine's addresses beside loopback, `declared` those from which servers are meant to be reached.
    """

    def __init__(self, *, own: Collection[str], declared: Sequence[str], limits: Limits = DEFAULT) -> None:
        self._own, self._limits = sorted(own)[:_ADDRESSES_MAX], limits
        self._declared = [ip_network(one, strict=False) for one in declared]

    async def look(self, url: str) -> Reached:
        """What is wrong with how the server is reached. Raises OSError where it did not answer as a server of MCP does.

        That is no clean answer: what did not answer now may answer anybody later.
        """
        target = parse_target(url)
        try:
            async with asyncio.timeout(self._limits.reach_seconds_max):
                addresses = [ip_address(one) for one in await resolve(target, any_address)]
                (record, *_) = (await NetworkLadder(self._limits, public=True).collect([url])).records
                beyond = [one for one in addresses if not one.is_loopback]
                others = [] if beyond else await self._others(target.port)
        except ValueError:
            raise ConnectionError("nothing answered") from None
        if record.status not in _REFUSES and record.status != "open":
            raise ConnectionError(f"it did not answer as a server of MCP does: {record.problem or record.status}")
        return Reached(found=self._judged(target, is_open=record.status == "open", beyond=beyond, others=others))

    def _judged(
        self, target: Target, *, is_open: bool, beyond: Sequence[IPv4Address | IPv6Address], others: Sequence[str]
    ) -> dict[Exposure, str]:
        found: dict[Exposure, str] = {}
        if is_open:
            found[Exposure.UNAUTHENTICATED] = "it answers without credentials"
        undeclared = [str(one) for one in beyond if not _within(one, self._declared)]
        if beyond and not target.secure:
            found[Exposure.EXPOSED] = f"it is reached at {beyond[0]} in the clear"
        elif is_open and undeclared:
            found[Exposure.EXPOSED] = f"it answers anybody at {undeclared[0]}, which network.declared does not name"
        elif others:
            told = ", ".join(others)
            found[Exposure.EXPOSED] = f"it listens beyond this machine too, at {told}, which network.declared lacks"
        return found

    async def _others(self, port: int) -> list[str]:
        """Further addresses of this machine at which the port is open, though they are not declared."""
        asked = [one for one in self._own if not _within(ip_address(one), self._declared)]
        answers = await asyncio.gather(*(self._connects(one, port) for one in asked))
        return [one for one, connects in zip(asked, answers, strict=True) if connects]

    async def _connects(self, address: str, port: int) -> bool:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(self._limits.connect_seconds_max):
                _, writer = await asyncio.open_connection(address, port)
                writer.transport.abort()
                return True
        return False


def _within(address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)
