"""Records: what collectors bring home from the world, before anybody says what it means."""

import msgspec

from bartizan.model.secret import Secret


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a client may read. `text` may hold secrets; it is None when `problem` says why.

    `client`, `role` and `pattern` are those of the catalogue entry whose path matched; `user` is whose home it is.
    `uid` and `mode` are None off POSIX.
    """

    path: str
    client: str
    role: str
    pattern: str = ""
    user: str = ""
    home: str = ""
    workspace: str = ""
    uid: int | None = None
    mode: int | None = None
    bytes: int = 0
    sha256: str = ""
    text: Secret | None = None
    problem: str = ""


class NamedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a configuration in `home` names. The name is no permission to read it."""

    path: str
    home: str = ""


class WantedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose copies on this machine are looked for. `path` is a file of it, where a command names one."""

    ecosystem: str
    name: str
    path: str = ""


class PackageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a package: on this machine at `path`, or fetched into the sandbox (then `path` is empty).

    `install_scripts` are what its installation runs, by name; for a Python package also what each start of Python runs
    (`.pth`), or that a backend built it. `scripted_dependencies` are dependencies with install scripts. `provenance`
    (`attested`, `none`) and `signature` (`verified`, `mismatch`, `none`; `present` where no key is known to verify it)
    are what its index says; empty where the index keeps none for anything, or was not asked.
    """

    ecosystem: str
    name: str
    version: str = ""
    path: str = ""
    install_scripts: dict[str, str] = {}
    scripted_dependencies: tuple[str, ...] = ()
    provenance: str = ""
    signature: str = ""


class LogSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret in a searched text: what it is, its fingerprint, and where it stands. `line` counts from 1."""

    kind: str
    fingerprint: str
    start: int = 0
    end: int = 0
    line: int | None = None


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A log or crash dump in which secrets stand; of its text nothing is kept.

    `client` is the catalogue entry whose pattern matched, `role` is `log` or `crash_dump`.
    """

    path: str
    client: str
    role: str
    user: str = ""
    home: str = ""
    uid: int | None = None
    mode: int | None = None
    bytes: int = 0
    secrets: tuple[LogSecret, ...] = ()


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """A TCP socket that listens. `address` is textual, IPv4 or IPv6, without brackets."""

    address: str
    port: int


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A running process. `pipes` and `sockets` are the kernel's inode numbers of its ends.

    `started` is in seconds since 1970. `command` may hold secrets. `environment` holds only those variables whose
    names look like credentials; `environment_names` all names. `script` is the file that an interpreter runs, its
    links resolved; `serves_mcp` says that it uses the server part of an MCP SDK. `own_network` is false where its
    ports are not those of this machine (a container). `problem` says what could not be read.
    """

    pid: int
    parent_pid: int
    started: float
    uid: int
    command: tuple[Secret, ...]
    executable: str = ""
    directory: str = ""
    script: str = ""
    serves_mcp: bool = False
    environment_names: tuple[str, ...] = ()
    environment: dict[str, Secret] = {}
    pipes_read: frozenset[int] = frozenset()
    pipes_written: frozenset[int] = frozenset()
    socket_peers: frozenset[int] = frozenset()
    sockets: frozenset[int] = frozenset()
    listening: tuple[Listening, ...] = ()
    own_network: bool = True
    container: str = ""
    problem: str = ""


class EndpointRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one port of one host answered to the probe ladder.

    `status` is `open`, `authentication_required`, `forbidden`, `client_certificate`, `not_mcp`, `closed` or `failed`.
    `evidence` names the signs of MCP that were seen, never a body: without one, nothing says that MCP is there.
    `exposure` names what the answer shows of its protection: `plain_http`, `certificate_not_verified`,
    `cors_any_origin`, `cors_reflects_origin`, `accepts_foreign_origin`, `refuses_foreign_origin`,
    `accepts_foreign_host`, `checks_host`, `guessable_session`, `session_in_address`, and of its TLS
    `certificate_expired`, `certificate_self_signed`, `certificate_untrusted`, `certificate_wrong_name`, `old_tls`.
    `server_info` is what the server says of itself, cut. `well_known` maps the paths of documents to their SHA-256.
    """

    url: str
    status: str
    transport: str = ""
    era: str = ""
    protocol_version: str = ""
    server_info: dict[str, str] = {}
    instructions_sha256: str = ""
    resource_metadata: str = ""
    well_known: dict[str, str] = {}
    evidence: tuple[str, ...] = ()
    exposure: tuple[str, ...] = ()
    problem: str = ""
