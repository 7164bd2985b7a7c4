"""Looks for MCP servers at explicit addresses, and only there. Private ranges, unless the caller says public."""

import asyncio
import math
import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import islice
from urllib.parse import urlsplit

from bartizan.adapters.collectors.asking import Door, Pace
from bartizan.adapters.collectors.ladder import Ladder
from bartizan.adapters.transports.outbound import (
    AddressRefusedError,
    OutboundClient,
    any_address,
    private_and_loopback,
)
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place, UsageError
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.record import EndpointRecord
from bartizan.ports import Collected

# Where MCP servers, their inspectors and gateways listen by default, and the usual ports of web services.
PORTS = (
    80, 443, 3000, 3001, 3333, 4000, 4444, 5000, 5173, 6274, 6277, 7860, 8000, 8001, 8008, 8080, 8081, 8443,
    8700, 8765, 8787, 8811, 8888, 9000, 9001, 9090, 12008,
)  # fmt: skip


class NetworkLadder:
    """The collector: knocks at the ports of the targets, and climbs the probe ladder where one is open.

    Certificates are not verified, because it only looks: no credential is ever sent.
    """

    def __init__(self, limits: Limits = DEFAULT, *, public: bool = False, ports: Sequence[int] = PORTS) -> None:
        self._limits, self._ports, self._public = limits, tuple(ports), public
        self._allow = any_address if public else private_and_loopback
        self._client = OutboundClient(limits, allow=self._allow, verify=False)
        self._pace = Pace(limits.connects_per_second_max)
        self._unanswered = 0

    async def collect(self, targets: Sequence[str]) -> Collected[EndpointRecord]:
        """Records of what answered, in the order of the targets, and a look for each target.

        Raises UsageError for an empty list, for what is no target, and for a public address without `public`.
        """
        if not targets:
            raise UsageError("no network target", remedy="name URLs, host:port, addresses or CIDRs; nothing is guessed")
        records, looks = list[EndpointRecord](), list[Look]()
        plans = [self._plan(target) for target in targets]
        seen = set[Door]()
        for target, (hosts, doors, cut) in zip(targets, plans, strict=True):
            self._unanswered = 0
            found = await self._knock_at_all(_unseen(doors, seen))
            records += found
            looks.append(self._look(target, hosts, cut=cut, found=found))
        return Collected(records=tuple(records), looks=tuple(looks))

    def _plan(self, target: str) -> tuple[int, Iterator[Door], bool]:
        """How many hosts a target has, their doors, and whether a limit cut them."""
        hosts, given, cut = read_target(target, self._limits)
        for host in hosts:
            self._permit(host, target)
        ports = (given.port,) if given.port else self._ports
        doors = (
            Door(host=host, port=port, scheme=given.scheme, path=given.path, named=bool(given.port))
            for port in ports
            for host in hosts
        )
        return len(hosts), doors, cut

    def _permit(self, host: str, target: str) -> None:
        try:
            address = ip_address(host)
        except ValueError:
            return  # a name is judged when it is resolved
        if not self._allow(address):
            remedy = (
                "" if self._public else "only private and loopback addresses are looked at unless you pass --public"
            )
            raise UsageError(f"{target!r} holds {address}, which is not looked at", remedy=remedy)

    async def _knock_at_all(self, doors: Iterator[Door]) -> list[EndpointRecord]:
        """So many workers as may connect at a time, who share the list of doors; and no more than the pace feeds."""
        workers = min(self._limits.connects_parallel_max, math.ceil(self._limits.connects_per_second_max))
        found: list[tuple[int, EndpointRecord]] = []
        numbered = enumerate(doors)

        async def work() -> None:
            for number, door in numbered:
                record = await self._knock(door)
                if record is not None:
                    found.append((number, record))

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
        return list({record.url: record for _, record in sorted(found, key=lambda pair: pair[0])}.values())

    async def _knock(self, door: Door) -> EndpointRecord | None:
        """What is behind a door. A closed port, or no answer, is a record only when the user named that port."""
        url = door.url(door.scheme or "http", door.path or "/")
        await self._pace.take()
        try:
            await self._client.reach(url)
        except (AddressRefusedError, socket.gaierror, UnicodeError) as error:  # the last: a name that is no host's
            return EndpointRecord(url=f"http://{door.host}/", status="failed", problem=_told(error))
        except ConnectionRefusedError as error:
            return EndpointRecord(url=url, status="closed", problem=_told(error)) if door.named else None
        except OSError as error:
            self._unanswered += 1
            return EndpointRecord(url=url, status="failed", problem=_told(error)) if door.named else None
        return await Ladder(self._client, self._pace, self._limits, door).climb()

    def _look(self, target: str, hosts: int, *, cut: bool, found: list[EndpointRecord]) -> Look:
        answered = sum(record.status not in {"closed", "failed"} for record in found)
        reason = f"{hosts} addresses, {answered} doors that answer"
        if self._unanswered:
            reason += f", {self._unanswered} connections without an answer"
        if cut:
            reason = f"only the first {self._limits.addresses_max} addresses (addresses_max); {reason}"
        outcome = Outcome.TRUNCATED if cut else Outcome.LOOKED
        return Look(part="network", outcome=outcome, reason=reason, place=Place(url=_without_secrets(target)))


def read_target(target: str, limits: Limits = DEFAULT) -> tuple[list[str], Door, bool]:
    """The hosts of a target, what is known of their doors, and whether `addresses_max` cut them. Raises UsageError."""
    wrong = UsageError(f"{target[:200]!r} is no network target", remedy="give a URL, host:port, an address or a CIDR")
    text = target.strip()
    try:
        if "://" in text:
            parts = urlsplit(text)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise wrong
            port = parts.port or (443 if parts.scheme == "https" else 80)
            return [parts.hostname], Door(host="", port=port, scheme=parts.scheme, path=parts.path), False
        network = _network(text)
        if network is not None:
            hosts = [str(address) for address in islice(network, limits.addresses_max)]
            return hosts, Door(host="", port=0), network.num_addresses > limits.addresses_max
        parts = urlsplit(f"//{text}")
        if not parts.hostname or parts.path or parts.query or parts.username is not None:
            raise wrong
        return [parts.hostname], Door(host="", port=parts.port or 0), False
    except ValueError:
        raise wrong from None


def _unseen(doors: Iterator[Door], seen: set[Door]) -> Iterator[Door]:
    """Doors that no earlier target had."""
    for door in doors:
        if door not in seen:
            seen.add(door)
            yield door


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """An address or a CIDR; None for anything else."""
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        if "/" in text:
            raise
        return None


def _without_secrets(target: str) -> str:
    """A URL target without user information, query and fragment."""
    if "://" not in target:
        return target
    parts = urlsplit(target)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _told(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:500]
