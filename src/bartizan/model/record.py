"""Records: what collectors bring home from the world, before anybody says what it means."""

import msgspec

from bartizan.model.secret import Secret


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a client may read. `text` may hold secrets; it is None when `problem` says why.

    `client` and `role` are those of the catalogue entry whose path matched. `uid` and `mode` are None off POSIX.
    """

    path: str
    client: str
    role: str
    home: str = ""
    workspace: str = ""
    uid: int | None = None
    mode: int | None = None
    bytes: int = 0
    sha256: str = ""
    text: Secret | None = None
    problem: str = ""


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """A TCP socket that listens. `address` is textual, IPv4 or IPv6, without brackets."""

    address: str
    port: int


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A running process. `pipes` and `sockets` are the kernel's inode numbers of its ends.

    `command` may hold secrets. `environment` holds only those variables whose names look like credentials;
    `environment_names` all names. `problem` says what could not be read.
    """

    pid: int
    parent_pid: int
    started: float
    uid: int
    command: tuple[Secret, ...]
    executable: str = ""
    directory: str = ""
    environment_names: tuple[str, ...] = ()
    environment: dict[str, Secret] = {}
    pipes_read: frozenset[int] = frozenset()
    pipes_written: frozenset[int] = frozenset()
    socket_peers: frozenset[int] = frozenset()
    sockets: frozenset[int] = frozenset()
    listening: tuple[Listening, ...] = ()
    container: str = ""
    problem: str = ""


class EndpointRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one address answered to the probe ladder.

    `status` is `open`, `authentication_required`, `forbidden`, `client_certificate`, `not_mcp`, `closed` or `failed`.
    `evidence` lists what was matched; never a body.
    """

    url: str
    status: str
    transport: str = ""
    era: str = ""
    protocol_version: str = ""
    server_info: dict[str, str] = {}
    resource_metadata: str = ""
    well_known: dict[str, str] = {}
    evidence: tuple[str, ...] = ()
    problem: str = ""
