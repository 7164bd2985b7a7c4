"""Who vouches for callers: the part `gateway.identity` of the configuration. Secrets are references."""

from datetime import date
from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
KeyHash = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{32}:[0-9a-f]{64}$")]


_OWN = frozenset({"localhost", "127.0.0.1", "::1"})


def secure(url: str) -> bool:
    """Whether an address may be trusted with keys and tokens: HTTPS, or this very machine."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _OWN)


def _refuse_insecure(*urls: str) -> None:
    for url in urls:
        if url and not secure(url):
            raise ValueError(f"{url[:200]!r} is no https address")


class Introspection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where opaque tokens are asked about (RFC 7662). `client_secret` is a reference such as `env:NAME`."""

    endpoint: str
    client_id: str
    client_secret: str

    def __post_init__(self) -> None:
        _refuse_insecure(self.endpoint)


class Issuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One authorization server. `jwks_uri` is found in its metadata where it is not said.

    `groups` is the claim that names groups; a dot leads into an object, such as `realm_access.roles`.
    """

    issuer: str
    jwks_uri: str = ""
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    groups: str = "groups"
    introspection: Introspection | None = None

    def __post_init__(self) -> None:
        _refuse_insecure(self.issuer, self.jwks_uri)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key, as a salted hash: `bartizan policy key NAME` makes one. `until` is its last day, in UTC."""

    hash: KeyHash
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    until: date | None = None


class IdentityConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who vouches for callers.

    `resource` is the address under which clients know the gateway; tokens are for it, followed by `/servers/ID/mcp`,
    unless `audience` says what they are for. `networks` are private ones in which an issuer may be.
    """

    resource: str = ""
    audience: str = ""
    issuers: tuple[Issuer, ...] = ()
    api_keys: dict[str, ApiKey] = {}
    networks: tuple[str, ...] = ()
    ca_file: str = ""
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if sum(one.introspection is not None for one in self.issuers) > 1:
            raise ValueError("two issuers with introspection: each would see the tokens of the other")
        if len({one.issuer for one in self.issuers}) < len(self.issuers):
            raise ValueError("the same issuer twice")
        for network in self.networks:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network[:80]!r} is no address and no CIDR") from None
