"""`bartizan.yml`: read, validated, every mistake with its line."""

import ipaddress
from pathlib import Path
from typing import Literal

import msgspec

from bartizan.app.home import state_folder
from bartizan.app.yaml_file import converted, parsed
from bartizan.model.errors import Place, UsageError
from bartizan.model.identity import IdentityConfig
from bartizan.model.limits import DEFAULT
from bartizan.model.tls import ListenTls, UpstreamTls
from bartizan.protocol.relay.combined.names import fits


class ServerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server of the configuration of record: by URL, or by command.

    `transport` is that of a URL; without it the older one is tried where the newer is refused. `env` gives a command
    its variables, as references to secrets; `directory` is where it runs.
    """

    url: str = ""
    transport: Literal["", "streamable-http", "sse"] = ""
    command: tuple[str, ...] = ()
    tls: UpstreamTls | None = None
    env: dict[str, str] = {}
    directory: str = ""

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.command):
            raise ValueError("a server has either a url or a command")
        if self.tls is not None and not self.url.startswith("https://"):
            raise ValueError("`tls` is about a server with an https url")
        if self.url and (self.env or self.directory):
            raise ValueError("env and directory belong to a command")
        if self.command and self.transport:
            raise ValueError("transport belongs to a url")


class CombinedEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The endpoint of several servers as one: these servers, or all where none is named."""

    servers: tuple[str, ...] = ()


class Gateway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The servers of record, where the gateway fronts them, and who vouches for their callers.

    `hosts` and `origins` are further values of the headers Host and Origin that a request may have.
    """

    servers: dict[str, ServerEntry] = {}
    identity: IdentityConfig = IdentityConfig()
    listen: str = "127.0.0.1:8700"
    tls: ListenTls | None = None
    counters: Literal["own", "shared"] = "own"
    combined: CombinedEntry | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := [one for one in self.combined_servers if one not in self.servers]:
            raise ValueError(f"combined: {unknown[0][:80]!r} is no server of `servers`")
        if bad := [one for one in self.combined_servers if not fits(one)]:
            raise ValueError(
                f"combined: {bad[0][:80]!r} cannot stand in front of names: it holds `__` or ends with `_`"
            )

    @property
    def combined_servers(self) -> tuple[str, ...]:
        """The servers of the combined endpoint; none where it is off."""
        if self.combined is None:
            return ()
        return tuple(dict.fromkeys(self.combined.servers)) or tuple(self.servers)


class Discover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to look beside this user's home."""

    homes: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where servers are meant to be reached."""

    declared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for one in self.declared:
            try:
                ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise ValueError(f"{one[:80]!r} is no address and no CIDR") from None


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. Without one, the defaults hold."""

    store: str = "sqlite"
    gateway: Gateway | None = None
    discover: Discover = Discover()
    network: Network = Network()
    suppressions: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    registry: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()


def read_config(path: Path | None) -> Config:
    """Read a configuration file; None gives the defaults. Raises UsageError, ContentError with every mistake."""
    if path is None:
        return Config()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration: {error.strerror}",
            where=Place(path=str(path)),
            remedy="name a file that exists with --config or BARTIZAN_CONFIG",
        ) from None
    if len(data) > DEFAULT.document_bytes_max:
        raise UsageError(f"larger than {DEFAULT.document_bytes_max} bytes", where=Place(path=str(path)))
    return parse_config(data.decode("utf-8", "replace"), str(path))


def folder_of(path: Path | None) -> Path:
    """Where the paths in a configuration count from."""
    return path.absolute().parent if path else state_folder()


def parse_config(text: str, path: str) -> Config:
    """Parse a configuration. Raises ContentError with every mistake and its line."""
    document, node = parsed(text, path)
    return converted(document if document is not None else {}, node, path, Config)
