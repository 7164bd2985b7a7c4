"""Who vouches for callers, wired from the configuration: the verifier of tokens and the guards of this gateway."""

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network

from bartizan.app.approvals import Approvals
from bartizan.app.counting import SharedCounting
from bartizan.model.identity import IdentityConfig
from bartizan.model.need import Answer, AskPerson, Count, Question, Reach, Reached, VerifyToken
from bartizan.model.secret import Secret, fingerprint
from bartizan.ports import Clock, TokenVerifier
from bartizan.prevent.guards.access import Access
from bartizan.prevent.guards.identity import Identity, Resource
from bartizan.prevent.guards.limits import LimitsGuard
from bartizan.prevent.guards.rate import Rate
from bartizan.prevent.policy import Rules


def resource_of(config: IdentityConfig, listening: str) -> Resource:
    """The gateway as a resource server; `listening` is its address where the configuration does not say one."""
    return Resource(
        base=(config.resource or listening).rstrip("/"),
        audience=config.audience,
        scopes=config.scopes,
        issuers=tuple(one.issuer for one in config.issuers),
    )


def token_verifier(
    config: IdentityConfig, *, clock: Clock, key: Secret, read: Callable[[str], Secret]
) -> TokenVerifier:
    """Everybody who vouches. `key` is that of fingerprints, `read` gives what a reference leads to. Raises UsageError.

    What verifies signatures is loaded only where an issuer is configured.
    """
    from bartizan.adapters.tokens.api_keys import ApiKeys  # noqa: PLC0415 - as below
    from bartizan.adapters.tokens.verifier import Tokens  # noqa: PLC0415

    def named(token: Secret) -> str:
        return fingerprint(token, key)

    keys = ApiKeys(config.api_keys, named)
    if not config.issuers:
        return Tokens(clock=clock, keys=keys)
    from bartizan.adapters.tokens.fetch import Fetch  # noqa: PLC0415
    from bartizan.adapters.tokens.introspection import Introspector  # noqa: PLC0415
    from bartizan.adapters.tokens.jwt import JwtVerifier, SigningKeys  # noqa: PLC0415
    from bartizan.adapters.transports.outbound import OutboundClient  # noqa: PLC0415

    fetch = Fetch(OutboundClient(allow=_allow(config.networks), ca_file=config.ca_file))
    signed = [JwtVerifier(one, SigningKeys(one, fetch), named) for one in config.issuers]
    opaque = [
        Introspector(one, at, read(at.client_secret), fetch, fingerprint=named)
        for one in config.issuers
        if (at := one.introspection)
    ]
    return Tokens(clock=clock, keys=keys, signed=signed, opaque=opaque[0] if opaque else None)


async def answer(
    question: Question,
    verifier: TokenVerifier,
    approvals: Approvals | None = None,
    reached: Callable[[str], Awaitable[Reached]] | None = None,
    counting: SharedCounting | None = None,
) -> Answer:
    """The answer to what a guard asks. Raises LookupError for what nobody answers here: that is Deny."""
    if isinstance(question, VerifyToken):
        return await verifier.verify(question.token, question.audience)
    if isinstance(question, AskPerson) and approvals is not None:
        return await approvals.ask(question)
    if isinstance(question, Reach) and reached is not None:
        return await reached(question.server)
    if isinstance(question, Count) and counting is not None:
        return await counting.count(question)
    raise LookupError("nobody counts for all gateways")


def _allow(networks: Sequence[str]) -> Callable[[IPv4Address | IPv6Address], bool]:
    from bartizan.adapters.transports.outbound import public_only  # noqa: PLC0415

    listed = [ip_network(one, strict=False) for one in networks]
    return lambda address: public_only(address) or any(address in one for one in listed)


Guards = tuple[LimitsGuard, Identity, Access, Rate]


def guards(
    rules: Rules,
    resource: Resource,
    *,
    loopback: bool,
    verifier: TokenVerifier | None = None,
    before: Guards | None = None,
    reached: Callable[[str], Reached | None] | None = None,
    shared: bool = False,
) -> Guards:
    """The guards of one gateway, in their order.

    Those that hold something for calls under way are taken over from the guards of the policy `before`.
    """  # fmt: skip
    known = verifier.known if verifier is not None else None
    limits, rate = (before[0], before[3]) if before else (LimitsGuard(), Rate(rules, shared=shared))
    if before:
        rate.renew(rules)
    return limits, Identity(rules, resource, loopback=loopback, known=known), Access(rules, reached), rate
