"""Where the gateway answers, and from where it may be asked: paths, Host and Origin.

A web page that a person visits must not reach a gateway of this machine: its Origin, and after DNS rebinding its Host,
give it away (Streamable HTTP, "Security & Endpoint").
"""

import ipaddress
import re
from collections.abc import Collection, Iterable
from enum import StrEnum

from bartizan.protocol.relay.refusals import Wrong

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_MCP = re.compile(r"/servers/([A-Za-z0-9_.\-]{1,100})/mcp")
_SSE = re.compile(r"/servers/([A-Za-z0-9_.\-]{1,100})/sse(/[A-Za-z0-9]{1,64})?")
_WELL_KNOWN = "/.well-known/oauth-protected-resource"
COMBINED_PATH = "/mcp"


class Endpoint(StrEnum):
    """What is asked for."""

    MCP = "mcp"
    COMBINED = "combined"
    SSE = "sse"  # the older transport's stream, and below it where messages are posted
    SSE_MESSAGES = "sse messages"
    METADATA = "metadata"
    HEALTH = "health"
    READINESS = "readiness"
    APPROVALS = "approvals"
    HALT = "halt"
    NOTHING = "nothing"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Places:
    """The names of a gateway. `hosts` and `origins` are further ones that the configuration gives."""

    def __init__(self, host: str, port: int, *, hosts: Collection[str] = (), origins: Collection[str] = ()) -> None:
        own = [host, *(_LOOPBACK if is_loopback(host) else ())]
        names = [f"[{one}]" if ":" in one and not one.startswith("[") else one for one in own]
        self._hosts = {f"{name}:{port}".lower() for name in names} | {one.lower() for one in hosts}
        self._hosts |= {name.lower() for name in names} if port in {80, 443} else set()
        self._origins = {f"{scheme}://{one}" for one in self._hosts for scheme in ("http", "https")}
        self._origins |= {one.lower() for one in origins}

    def foreign(self, headers: Iterable[tuple[str, str]]) -> Wrong | None:
        """What is foreign about a request. `Origin` may be absent: only browsers send it."""
        hosts = [value.lower() for name, value in headers if name == "host"]
        origins = [value.lower() for name, value in headers if name == "origin"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return Wrong.HOST
        return Wrong.ORIGIN if any(one not in self._origins for one in origins) else None

    @staticmethod
    def find(target: str) -> tuple[Endpoint, str]:
        """The endpoint of a request's target, and the server that it names: none for the combined endpoint.

        A query is none of ours: nothing.
        """
        if match := _MCP.fullmatch(target):
            return Endpoint.MCP, match[1]
        if match := _SSE.fullmatch(target):
            return Endpoint.SSE_MESSAGES if match[2] else Endpoint.SSE, match[1]
        if match := _MCP.fullmatch(target.removeprefix(_WELL_KNOWN)) if target.startswith(_WELL_KNOWN) else None:
            return Endpoint.METADATA, match[1]
        if target == _WELL_KNOWN + COMBINED_PATH:
            return Endpoint.METADATA, ""
        return _PLAIN.get(target, Endpoint.NOTHING), ""


_PLAIN = {
    COMBINED_PATH: Endpoint.COMBINED,
    "/healthz": Endpoint.HEALTH,
    "/readyz": Endpoint.READINESS,
    "/approvals": Endpoint.APPROVALS,
    "/halt": Endpoint.HALT,
}
