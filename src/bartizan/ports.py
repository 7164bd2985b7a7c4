"""Everything we ever ask of the world, on one page.

Adapters implement these; tests give fakes. A port that looks at the world returns what it found together with the
looks that say what it could not find, because silence is not a clean result.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.change import Change, FoundFinding, KnownFinding
from bartizan.model.coverage import Look
from bartizan.model.credential import FoundCredential
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.event import Event
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Counted, Take
from bartizan.model.need import Verified as VerifiedToken
from bartizan.model.pin import Approved, Pin, Review
from bartizan.model.record import (
    EndpointRecord,
    FileRecord,
    LogRecord,
    LogSecret,
    NamedFile,
    PackageRecord,
    ProcessRecord,
    WantedPackage,
)
from bartizan.model.restriction import Restriction
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Snapshot
from bartizan.model.source_event import SourceEvent, Trust, Unparsed
from bartizan.model.ticket import Enrolment, Ticket, TicketState

RecordT = TypeVar("RecordT")


class Collected(msgspec.Struct, Generic[RecordT], frozen=True, kw_only=True):
    """Records of one kind, and what could not be looked at."""

    records: tuple[RecordT, ...] = ()
    looks: tuple[Look, ...] = ()


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe of one server brought: a snapshot, or looks that say why there is none, or both.

    `package` is what was fetched to start it; `credentials` stood in what the server said, and stand there as marks.
    """

    snapshot: Snapshot | None = None
    looks: tuple[Look, ...] = ()
    package: PackageRecord | None = None
    credentials: tuple[FoundCredential, ...] = ()


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        ...


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """This machine. `addresses` are its own, beside loopback, as far as the system tells; `users` names by number."""

    name: str
    addresses: frozenset[str] = frozenset()
    users: Mapping[int, str] = {}


class FileCollector(Protocol):
    """Reads the files in which clients name their servers, agents and secrets."""

    def collect(self) -> Collected[FileRecord]:
        """Bounded; follows no symbolic link to another owner's file; a file that cannot be read is a record too."""
        ...

    def read_named(self, files: Iterable[NamedFile]) -> Collected[FileRecord]:
        """Read files that configurations name, such as dotenv files: only below the home that names them."""
        ...

    def read_configurations(self, paths: Iterable[str]) -> Collected[FileRecord]:
        """Read configurations that our user names."""
        ...

    def read_logs(
        self, folders: Iterable[NamedFile], find: Callable[[str], Sequence[LogSecret]]
    ) -> Collected[LogRecord]:
        """Search logs and crash dumps of clients, and of folders in which servers work, with `find`."""
        ...

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """SHA-256 of local programs by path; what cannot be read is left out."""
        ...

    def installed(self, wanted: Iterable[WantedPackage]) -> Collected[PackageRecord]:
        """Copies of packages in the homes, projects and caches of package runners. Nothing of them is run."""
        ...


class ProcessCollector(Protocol):
    """Reads the process table."""

    def collect(self) -> Collected[ProcessRecord]:
        """All processes of this machine that this user may look at."""
        ...


class NetworkCollector(Protocol):
    """Asks explicit addresses whether an MCP server listens there. Never calls a tool."""

    async def collect(self, targets: Sequence[str]) -> Collected[EndpointRecord]:
        """`targets` are URLs, `host:port`, addresses or CIDRs."""
        ...


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandbox is to start: a package of an index, or a local program or script.

    `ecosystem` is `npm`, `pypi`, `local`, or what cannot be started so (`oci`, `unknown`). `version` is exact, a range
    or empty for the newest. `arguments` are those of the server itself. `program` is the name of the package's
    program or Python module, where the command says it. `path` is the local script or program. `constraints` narrow
    the versions of dependencies (PyPI only, such as `mcp<2`).
    """

    ecosystem: str
    name: str
    version: str = ""
    arguments: tuple[str, ...] = ()
    program: str = ""
    path: str = ""
    constraints: tuple[str, ...] = ()


class Confined(msgspec.Struct, frozen=True, kw_only=True):
    """A command made safe to start: run exactly this, in this environment.

    `version` is the package's version as resolved, `sha256` the digest of all its files with its dependencies; both
    are empty for local programs. `package` is what is known of the package that was fetched.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    version: str = ""
    sha256: str = ""
    package: PackageRecord | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One outgoing JSON-RPC message and what an HTTP transport needs to know of it for its headers."""

    body: bytes
    method: str
    identity: str | int | None = None
    name: str = ""
    protocol_version: str = ""
    era: Era = Era.LEGACY
    expects_reply: bool = True


class RequestRefusedError(RemoteProtocolError):
    """A request that got no JSON-RPC answer of its own: an HTTP status, or a stream that ended without it.

    `identity` is the request's id, `body` what came (bounded), `challenge` the value of `WWW-Authenticate`.
    """

    def __init__(
        self, identity: str | int | None, status: int, reason: str, *, body: bytes = b"", challenge: str = ""
    ) -> None:
        super().__init__(reason)
        self.identity, self.status, self.reason = identity, status, reason
        self.body, self.challenge = body, challenge


class Transport(Protocol):
    """Carries JSON-RPC messages to and from one server; bounded by `Limits`.

    Raises `RemoteProtocolError` (or `LimitExceededError`) for what the server did, `OSError` for what the network did,
    `EOFError` when the server has closed, and, from `receive`, `RequestRefusedError` for one request.
    """

    async def open(self) -> None:
        """Start or connect."""
        ...

    async def send(self, message: Message) -> None:
        """Send one message."""
        ...

    async def receive(self) -> bytes:
        """Give the next whole message, undecoded."""
        ...

    async def close(self) -> None:
        """End it: afterwards no process and no connection of it is left, whatever the server does."""
        ...

    def diagnostics(self) -> str:
        """Give what the server said beside the protocol (standard error), bounded, still hostile."""
        ...


class Prober(Protocol):
    """Takes the snapshot of one server. Lists definitions, calls nothing."""

    async def probe(self, server: AssetId, launch: Launch, confined: Confined | None = None) -> Probed:
        """Never raises for what a server does: that is in the looks. With `confined` that is what is started."""
        ...


class SandboxError(Exception):
    """A server cannot be started in the sandbox; the message says why, for the coverage record."""


class Sandbox(Protocol):
    """Starts what nobody consented to, so that it can harm nothing."""

    def available(self) -> str:
        """Give an empty text, or why there is no sandbox on this host."""
        ...

    async def confine(self, launch: Launch, wanted: Wanted) -> Confined:
        """Fetch what must be fetched, and give the confined command. Raises SandboxError."""
        ...


class Consent(StrEnum):
    """What a person answered: no, this once, or from now on."""

    REFUSED = "refused"
    GIVEN = "given"
    REMEMBERED = "remembered"


class Approver(Protocol):
    """Asks a person."""

    async def consent(self, launch: Launch) -> Consent:
        """Whether this server may be started, having shown its whole command."""
        ...


class Vault(Protocol):
    """Keeps secrets."""

    def read(self, reference: str) -> Secret:
        """Give the secret behind a reference such as `local:fingerprint-key`. Raises UsageError."""
        ...


class TokenVerifier(Protocol):
    """Finds out whose token it is. Keeps no token, only digests."""

    async def verify(self, token: Secret, audience: str) -> VerifiedToken:
        """The principal, or why there is none. Never raises for a token, or for what an issuer answers."""
        ...

    def known(self, token: Secret, audience: str, at: datetime) -> VerifiedToken | None:
        """What was found out of this token before and still holds, without asking anybody."""
        ...

    def forget(self, principal: str = "") -> None:
        """Ask again from now on: about one principal, or everybody. What a revocation calls."""
        ...


class Store(Protocol):
    """Keeps inventories, findings, events and consents. Never a secret: encoding one raises TypeError.

    `scope` names what a scan looked at (nothing for this machine, else another home, a target): only scans of one
    scope are compared with each other.
    """

    def save(self, inventory: Inventory, findings: Sequence[Finding], *, scope: str = "") -> None:
        """Keep a scan, whole or not at all; what earlier scans saw first keeps its first-seen time."""
        ...

    def latest(self, *, scope: str = "") -> Inventory | None:
        """Give the newest inventory."""
        ...

    def findings(self, *, scope: str = "") -> list[Finding]:
        """Give the findings of the newest inventory."""
        ...

    def known_findings(self, *, scope: str = "") -> list[KnownFinding]:
        """Give every finding of the kept scans with its history, oldest first."""
        ...

    def found(self, prefix: str) -> list[FoundFinding]:
        """Give the findings whose ids begin so, of the newest scan of every scope, the newest scan first."""
        ...

    def inventory(self, scan: int) -> Inventory | None:
        """Give the inventory of the scan with this number, if it is the newest of its scope."""
        ...

    def changes(self, *, scope: str = "") -> list[Change]:
        """Give what differs between the newest inventory and the one before it."""
        ...

    def record(self, event: Event) -> None:
        """Keep an event; the same `uid` twice is one event."""
        ...

    def events(self, *, since: datetime | None = None) -> list[Event]:
        """Give events in the order of their time."""
        ...

    def consented(self, digest: str) -> bool:
        """Whether a start with this digest was approved and remembered."""
        ...

    def remember_consent(self, digest: str, shown: str, at: datetime) -> None:
        """Remember an approved start."""
        ...

    def approve(self, review: Review, pins: Sequence[Pin]) -> None:
        """Keep what a person approved of one server.

        Of the kinds that the review names, the pins replace all earlier ones of that server and client; of the others
        each replaces the one of its own name.
        """
        ...

    def approved(self) -> Approved:
        """Give every pin and review, oldest first."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class Tickets(Protocol):
    """Keeps calls that wait for a person, and who may decide. What gateways share is here."""

    def open(self, wanted: Ticket) -> Ticket | None:
        """Give the ticket that waits or is approved for this very call, else keep the wanted one.

        None where more wait than may (`tickets_waiting_max`).
        """
        ...

    def get(self, identity: str) -> Ticket | None:
        """Give one ticket."""
        ...

    def find(self, states: Sequence[TicketState], now: datetime) -> list[Ticket]:
        """Give tickets in these states, the oldest first."""
        ...

    def decide(self, identity: str, *, granted: bool, by: str, factor: str, at: datetime) -> Ticket | None:
        """Approve or deny a ticket that waits; None where it does not wait any more."""
        ...

    def use(self, identity: str, at: datetime) -> bool:
        """Use an approval, once."""
        ...

    def keep_enrolment(self, enrolment: Enrolment) -> None:
        """Keep who may decide."""
        ...

    def amend(self, name: str, change: Callable[[Enrolment], Enrolment]) -> Enrolment | None:
        """Keep what `change` makes of who may decide, one after the other however many ask; None for a stranger."""
        ...

    def enrolments(self) -> list[Enrolment]:
        """Give everybody who may decide, by name."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class Restrictions(Protocol):
    """Keeps what is not permitted for the time being. What gateways share is here."""

    def put(self, restriction: Restriction) -> bool:
        """Keep one; whether it was new. One of the same id stays as it is."""
        ...

    def lift(self, identity: str, *, by: str, at: datetime) -> Restriction | None:
        """Lift one that is in force; None where there is none."""
        ...

    def in_force(self, at: datetime) -> Sequence[Restriction]:
        """Give those that hold, the oldest first."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class Counters(Protocol):
    """Budgets that gateways share. It blocks. An exception is no answer."""

    def take(self, takes: Sequence[Take], at: datetime) -> Counted:
        """Take from all budgets, or from none where one is used up."""
        ...

    def add(self, takes: Sequence[Take], at: datetime) -> None:
        """Count what was used, whatever is left."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class BusError(Exception):
    """The bus cannot take or give events: a full disk, a file that another program locks. Says why, and where."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An event on the bus and its number there: whole numbers from 1, without gaps, in the order of acceptance."""

    sequence: int
    event: Event


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """Events after a cursor. `lost` counts those between the cursor and the first that the bus still has."""

    events: tuple[Kept, ...]
    lost: int = 0

    @property
    def cursor(self) -> int | None:
        """What to read after next time; None where nothing came."""
        return self.events[-1].sequence if self.events else None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of the whole bus found. `broken` names the first place that is not as it was accepted.

    `signed` is the number of the last event that a signature covers: behind it, cutting off the end shows nowhere.
    """

    events: int = 0
    first: int = 0
    last: int = 0
    signed: int = 0
    broken: str = ""


class Bus(Protocol):
    """Carries events from the process that sees them to those that judge them; each of them may crash alone.

    Every method may be called from several threads and processes, and raises BusError.
    """

    def accept(self, *events: Event) -> int:
        """Commit events, all or none; the number of the last one. What is accepted outlives the end of this process."""
        ...

    def read(self, after: int, most: int) -> Portion:
        """Give up to `most` events with numbers above `after`, the oldest first."""
        ...

    def verify(self) -> Verified:
        """Check that every event is as it was accepted."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class ParserSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says of a source: its name, whose it is, and how far its word counts.

    `log_source` says what records of kind `json` are: Sigma's product, category and service, joined by `/`.
    """

    source: str = ""
    tenant: str = ""
    trust: Trust = Trust.MEDIUM
    log_source: str = ""
    limits: Limits = DEFAULT


class Parser(Protocol):
    """Makes events of the records of one kind of source. It refuses none by an exception: what it cannot read, it says.

    It keeps only what waits for its pair, within `pairs_waiting_max` and `pair_seconds_max` of event time.
    """

    kind: str

    def feed(self, raw: bytes, at: int) -> Iterable[SourceEvent | Unparsed]:
        """Take one raw record, the `at`-th of its source; the events that it completes."""
        ...

    def end(self) -> Iterable[SourceEvent | Unparsed]:
        """Tell that the source has ended; the events of what still waits."""
        ...
