"""Certificates in the configuration: what the gateway shows, and by what it knows others. Keys are references."""

from typing import Literal

import msgspec


class ListenTls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The listener speaks TLS 1.3 with this certificate. `certificate` and `client_ca` are PEM files.

    With `client_ca`, certificates of clients are asked for and verified by it alone.
    """

    certificate: str
    key: str
    client_ca: str = ""
    client: Literal["required", "optional"] = "required"

    def __post_init__(self) -> None:
        if not self.certificate or not self.key:
            raise ValueError("name a `certificate` and the reference to its `key`")
        if self.client == "optional" and not self.client_ca:
            raise ValueError("`client` says how certificates of clients are asked for: name the `client_ca` too")


class UpstreamTls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one server is known, and what it is shown. With `ca`, no other root is trusted for it."""

    ca: str = ""
    certificate: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("a `certificate` and the reference to its `key` go together")
        if not self.ca and not self.certificate:
            raise ValueError("name a `ca`, or a `certificate` and its `key`")
