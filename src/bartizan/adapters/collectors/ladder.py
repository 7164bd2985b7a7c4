"""The probe ladder: what stands behind one port of one host. Openings only; no tool is listed or called.

Rungs: which scheme answers; well-known documents; then for each likely path `server/discover`, `initialize` (and a
farewell), and a legacy event stream. The first path that is MCP ends it.
"""

import asyncio
import hashlib
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit

import msgspec

from bartizan.adapters.collectors import sessions, signs
from bartizan.adapters.collectors.asking import Answer, Asking, Door, Pace, is_stream, json_object
from bartizan.adapters.collectors.signs import Match
from bartizan.adapters.transports.http1 import NoAnswerError, NotHttpError
from bartizan.adapters.transports.outbound import ClientCertificateRequired, OutboundClient, Response
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.model.record import EndpointRecord
from bartizan.model.snapshot import Era, Transport
from bartizan.protocol import mcp
from bartizan.protocol.framing import ServerSentEvent

PATHS = ("/mcp", "/sse", "/", "/api/mcp", "/mcp/", "/messages", "/v1/mcp", "/message")
STREAM_PATHS = frozenset({"/", "/sse"})  # where a legacy server may answer GET although it refuses POST as unknown
WELL_KNOWN = (
    "/.well-known/oauth-protected-resource",
    "/.well-known/ai-catalog.json",
    "/.well-known/mcp/server-card.json",
    "/.well-known/mcp/catalog.json",
    "/.well-known/mcp-server-card.json",
)
_BUSY = frozenset({429, 502, 503, 504})  # whatever is there, it did not answer this time
TLS_PORTS = frozenset({443, 4443, 8443, 9443})
FOREIGN_ORIGIN = "https://origin-check.bartizan.invalid"
FOREIGN_HOST = "host-check.bartizan.invalid"  # what a browser sends after DNS rebinding: the name of the page's site
_MODERN_VERSION = mcp.RULES[Era.MODERN].versions[0]
_LEGACY_VERSIONS = mcp.RULES[Era.LEGACY].versions
_NONE: Mapping[str, str] = MappingProxyType({})
_RANK = ("open", "authentication_required", "client_certificate", "forbidden", "failed", "not_mcp", "closed")


class Ladder:
    """Climbs behind one door. One use."""

    def __init__(self, client: OutboundClient, pace: Pace, limits: Limits, door: Door) -> None:
        self._limits, self._door = limits, door
        self._asking = Asking(client, pace, limits, door)
        self._documents: dict[str, str] = {}
        self._paths: list[str] = []
        self._faults = 0
        self._sessions: list[str] = []

    async def climb(self) -> EndpointRecord:
        """Say what is there. Never raises for what the server does."""
        try:
            async with asyncio.timeout(self._limits.probe_seconds_max):
                return await self._climb()
        except TimeoutError:
            return self._record("/", "failed", problem="not finished within probe_seconds_max")
        except ClientCertificateRequired:
            return self._record(self._door.path or "/", "client_certificate")
        except (OSError, RemoteProtocolError) as error:
            return self._record("/", "failed", problem=_told(error))

    async def _climb(self) -> EndpointRecord:
        if (refused := await self._find_scheme()) is not None:
            return refused
        for path in WELL_KNOWN[1:]:
            await self._document(path)
        self._paths = [self._door.path] if self._door.path not in {"", "/"} else list(PATHS)
        best = self._record(self._paths[0], "not_mcp")
        for at, path in enumerate(self._paths):  # redirects add to the list while it is walked
            if at >= self._limits.endpoint_paths_max or self._faults >= self._limits.endpoint_faults_max:
                break
            found = await self._try(path)
            best = min(best, found, key=_rank)
            if found.status == "open" or found.evidence:
                break
        return best

    # ---- Which scheme answers

    async def _find_scheme(self) -> EndpointRecord | None:
        """Learn the scheme by asking for the first document; a record when no HTTP is spoken here."""
        schemes = (self._door.scheme,) if self._door.scheme else ("http", "https")
        if self._door.port in TLS_PORTS:
            schemes = schemes[::-1]
        faults: list[Exception] = []
        for scheme in schemes:
            self._asking.scheme = scheme
            try:
                answer = await self._asking.ask("GET", WELL_KNOWN[0])
            except ClientCertificateRequired:
                raise
            except (OSError, RemoteProtocolError) as error:
                faults.append(error)
                continue
            if scheme == "http" and len(schemes) == 2 and answer.status == 400 and await self._is_tls():
                answer = await self._asking.ask("GET", WELL_KNOWN[0])
            if answer.status == 400 and b"No required SSL certificate" in answer.body:
                raise ClientCertificateRequired
            self._keep_document(WELL_KNOWN[0], answer)
            return None
        self._asking.scheme = schemes[0]
        return self._record("/", _no_http(faults), problem="; ".join(_told(fault) for fault in faults))

    async def _is_tls(self) -> bool:
        """Whether a port that calls plain HTTP a bad request speaks TLS."""
        self._asking.scheme = "https"
        try:
            await self._asking.ask("GET", WELL_KNOWN[0])
        except ClientCertificateRequired:
            raise
        except (OSError, RemoteProtocolError):
            self._asking.scheme = "http"
            return False
        return True

    # ---- Well-known documents

    async def _document(self, path: str) -> None:
        with suppress(OSError, RemoteProtocolError):
            self._keep_document(path, await self._asking.ask("GET", path))

    def _keep_document(self, path: str, answer: Answer) -> None:
        if answer.status == 200 and json_object(answer.body, self._limits):
            self._documents[path] = hashlib.sha256(answer.body).hexdigest()

    # ---- One path

    async def _try(self, path: str) -> EndpointRecord:
        try:
            return await self._rungs(path)
        except ClientCertificateRequired:
            raise
        except (OSError, RemoteProtocolError) as error:
            self._faults += 1
            return self._record(path, "failed", problem=_told(error))

    async def _rungs(self, path: str) -> EndpointRecord:
        answer, match = await self._discover(path)
        if answer.status in {403, 421} and not self._asking.host:
            answer, match = await self._as_localhost(path, answer)
        if match:
            return await self._open(path, match, answer)
        if answer.status in {401, 403}:
            return await self._refused(path, answer)
        if 300 <= answer.status < 400:
            self._follow(path, answer.response.header("location"))
            return self._record(path, "not_mcp")
        return await self._legacy(path, answer)

    async def _legacy(self, path: str, answer: Answer) -> EndpointRecord:
        """The older transports, as far as the answer to the modern opening leaves them possible."""
        if answer.status in _BUSY and answer.message is None:
            return self._record(path, "failed", problem=f"answers only with HTTP status {answer.status}")
        unknown = answer.status in {404, 405, 410, 501} and answer.message is None
        likely = path in {"/mcp", self._door.path}  # some servers say 404 to what comes without a session
        if (likely or not unknown) and (found := await self._handshake(path)) is not None:
            return found
        if path in STREAM_PATHS or path == self._door.path or answer.status == 405:
            return await self._stream(path)
        return self._record(path, "not_mcp")

    async def _discover(self, path: str, headers: Mapping[str, str] = _NONE) -> tuple[Answer, Match | None]:
        identity = _fresh()
        message = mcp.request(Era.MODERN, _MODERN_VERSION, identity, "server/discover", {})
        answer = await self._asking.post(path, message, headers)
        return answer, signs.modern(answer.message, identity)

    async def _initialize(self, path: str, headers: Mapping[str, str] = _NONE) -> tuple[Answer, Match | None]:
        """The legacy handshake, ended again: the session that it opened is deleted."""
        identity = _fresh()
        answer = await self._asking.post(path, mcp.initialize(_LEGACY_VERSIONS[0], identity), headers)
        match = signs.legacy(answer.message, identity)
        if match:
            self._sessions.append(answer.response.header("mcp-session-id"))
            await self._farewell(path, answer, match.version)
        return answer, match

    async def _as_localhost(self, path: str, refused: Answer) -> tuple[Answer, Match | None]:
        """Ask again under the name that a server behind a Host check expects. Keep the name if that helps."""
        self._asking.host = f"localhost:{self._door.port}"
        again, match = await self._discover(path)
        if again.status in {403, 421}:
            self._asking.host = ""
            return refused, None
        return again, match

    def _behind_this_door(self, path: str, reference: str) -> str:
        """Path and query of a reference (RFC 3986) found at `path`; "" when it leads to another port or host."""
        base = self._door.url(self._asking.scheme, path)
        try:
            there = urlsplit(urljoin(base, reference))
            port = there.port or {"http": 80, "https": 443}.get(there.scheme)
        except ValueError:
            return ""
        if there.hostname not in {self._door.host, "localhost", "127.0.0.1"} or port != self._door.port:
            return ""
        return (there.path or "/") + (f"?{there.query}" if there.query else "")

    def _follow(self, path: str, location: str) -> None:
        """Remember where a redirect leads, if it stays behind this door."""
        there = self._behind_this_door(path, location)
        if location and there and there not in self._paths:
            self._paths.append(there)

    # ---- Eras

    async def _handshake(self, path: str) -> EndpointRecord | None:
        answer, match = await self._initialize(path)
        if match:
            return await self._open(path, match, answer)
        if answer.status in {401, 403}:
            return await self._refused(path, answer)
        return None

    async def _farewell(self, path: str, answer: Answer, version: str) -> None:
        session = answer.response.header("mcp-session-id")
        if not session.isascii() or not session.isprintable():
            return
        headers = {"MCP-Protocol-Version": version} | ({"Mcp-Session-Id": session} if session else {})
        with suppress(OSError, RemoteProtocolError):
            await self._asking.post(path, mcp.notification(Era.LEGACY, version, "notifications/initialized"), headers)
        if session:
            with suppress(OSError, RemoteProtocolError):
                await self._asking.ask("DELETE", path, headers)

    async def _stream(self, path: str) -> EndpointRecord:
        """The transport of 2024-11-05: a GET stream names an endpoint, and carries the answers to what is posted."""
        await self._asking.turn()
        async with asyncio.timeout(self._limits.endpoint_request_seconds_max):
            response = await self._asking.request("GET", path, {"Accept": "text/event-stream"})
            async with response, aclosing(self._asking.events(response)) as events:
                if response.status in {401, 403}:
                    return await self._refused(path, Answer(response=response))
                if response.status != 200 or not is_stream(response):
                    return self._record(path, "not_mcp")
                first = await anext(events, None)
                if first is None or first.event != "endpoint":
                    return self._record(path, "not_mcp")
                return await self._converse(path, first, events, response)

    async def _converse(
        self, path: str, first: ServerSentEvent, events: AsyncIterator[ServerSentEvent], response: Response
    ) -> EndpointRecord:
        endpoint = self._behind_this_door(path, first.data.decode("utf-8", "replace"))
        if not endpoint:
            return self._record(path, "failed", problem="its event stream names an endpoint elsewhere")
        identity = _fresh()
        await self._asking.post(endpoint, mcp.initialize(_LEGACY_VERSIONS[-1], identity))
        message = await self._asking.reply(events, identity)
        match = signs.legacy(message, identity)
        if match is None:
            return self._record(path, "failed", problem="its event stream names an endpoint that does not answer")
        await self._asking.post(endpoint, mcp.notification(Era.LEGACY, match.version, "notifications/initialized"))
        match = msgspec.structs.replace(match, signs=(*match.signs, "endpoint event"))
        self._sessions.append(sessions.in_address(endpoint))
        return await self._open(path, match, Answer(response=response), transport=Transport.SSE)

    # ---- What was found

    async def _open(
        self, path: str, match: Match, answer: Answer, transport: Transport = Transport.STREAMABLE_HTTP
    ) -> EndpointRecord:
        exposure = self._seen_exposure(answer) + await self._tls_faults(path)
        if transport is Transport.STREAMABLE_HTTP:
            exposure += await self._foreign_origin(path, match.era)
            exposure += await self._foreign_host(path, match.era)
        else:
            exposure += await self._foreign_stream(path)
        exposure += ["guessable_session"] if sessions.guessable(self._sessions) else []
        text = match.instructions
        return msgspec.structs.replace(
            self._record(path, "open", evidence=match.signs),
            transport=str(transport),
            era=str(match.era),
            protocol_version=match.version,
            server_info=match.info,
            instructions_sha256=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() if text else "",
            exposure=tuple(dict.fromkeys(exposure)),
        )

    def _seen_exposure(self, answer: Answer) -> list[str]:
        seen = ["plain_http" if self._asking.scheme == "http" else "certificate_not_verified"]
        if answer.response.header("access-control-allow-origin") == "*":
            seen.append("cors_any_origin")
        return seen + (["checks_host"] if self._asking.host else [])

    async def _foreign_origin(self, path: str, era: Era) -> list[str]:
        """Whether a web page of anybody could talk to it: the opening once more, with an Origin that is nobody's."""
        opening = self._discover if era is Era.MODERN else self._initialize
        try:
            answer, match = await opening(path, {"Origin": FOREIGN_ORIGIN})
        except (OSError, RemoteProtocolError):
            return []
        allowed = answer.response.header("access-control-allow-origin")
        seen = ["accepts_foreign_origin" if match else "refuses_foreign_origin"]
        return seen + {"*": ["cors_any_origin"], FOREIGN_ORIGIN: ["cors_reflects_origin"]}.get(allowed, [])

    async def _foreign_host(self, path: str, era: Era) -> list[str]:
        """Whether it answers under a name that is not its own, as a page gets it to by DNS rebinding."""
        if self._asking.host:  # it was refused under its own address, so it looks at the name
            return []
        opening = self._discover if era is Era.MODERN else self._initialize
        try:
            _, match = await opening(path, {"Host": f"{FOREIGN_HOST}:{self._door.port}"})
        except (OSError, RemoteProtocolError):
            return []
        return ["accepts_foreign_host" if match else "checks_host"]

    async def _foreign_stream(self, path: str) -> list[str]:
        """The same two questions to the older transport: whether its stream opens for a page of anybody."""
        seen = ["session_in_address"] if any(self._sessions) else []
        host = {} if self._asking.host else {"Host": f"{FOREIGN_HOST}:{self._door.port}"}
        questions = [({"Origin": FOREIGN_ORIGIN}, "accepts_foreign_origin", "refuses_foreign_origin")]
        questions += [(host, "accepts_foreign_host", "checks_host")] if host else []
        for headers, yes, no in questions:
            try:
                await self._asking.turn()
                response = await self._asking.request("GET", path, {"Accept": "text/event-stream", **headers})
            except (OSError, RemoteProtocolError):
                continue
            async with response:
                seen.append(yes if response.status == 200 and is_stream(response) else no)
        return seen

    async def _tls_faults(self, path: str) -> list[str]:
        """What is wrong with its certificate and its oldest version of TLS."""
        if self._asking.scheme != "https":
            return []
        await self._asking.turn()
        return list(await self._asking.tls_faults(path))

    async def _refused(self, path: str, answer: Answer) -> EndpointRecord:
        """401 and 403. Only OAuth's resource metadata, or a JSON-RPC error, says that it may be MCP."""
        metadata = signs.metadata_url(answer.response.header("www-authenticate"))
        evidence = (["resource_metadata"] if metadata else []) + (["json_rpc"] if answer.message else [])
        if WELL_KNOWN[0] in self._documents or await self._is_metadata(metadata):
            evidence.append("protected resource metadata")
        status = "authentication_required" if answer.status == 401 else "forbidden"
        record = self._record(path, status, evidence=tuple(evidence))
        exposure = self._seen_exposure(answer)
        exposure += await self._tls_faults(path) if evidence else []
        return msgspec.structs.replace(record, resource_metadata=metadata, exposure=tuple(exposure))

    async def _is_metadata(self, url: str) -> bool:
        """Whether the document is there. It is fetched from this port alone, wherever the server points."""
        path = self._behind_this_door("/", url) if url else ""
        if not path:
            return False
        try:
            answer = await self._asking.ask("GET", path)
        except (OSError, RemoteProtocolError):
            return False
        return answer.status == 200 and "resource" in json_object(answer.body, self._limits)

    def _record(self, path: str, status: str, *, evidence: tuple[str, ...] = (), problem: str = "") -> EndpointRecord:
        return EndpointRecord(
            url=self._door.url(self._asking.scheme or "http", path),
            status=status,
            evidence=evidence,
            problem=problem[:500],
            well_known=dict(self._documents),
        )


def _rank(record: EndpointRecord) -> tuple[bool, int]:
    return (not record.evidence, _RANK.index(record.status))


def _no_http(faults: list[Exception]) -> str:
    """Another protocol, or a port that hangs up on whatever we say, is no MCP. Silence and broken HTTP may be."""
    if any(isinstance(fault, NotHttpError) for fault in faults):
        return "not_mcp"
    hung_up = all(isinstance(fault, NoAnswerError | ConnectionError | ssl.SSLError) for fault in faults)
    return "not_mcp" if hung_up else "failed"


def _fresh() -> str:
    """An id that nobody can know beforehand, so that only who read the request can echo it."""
    return uuid.uuid4().hex


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
