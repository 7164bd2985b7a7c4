"""Identity: who asks. Only what somebody vouches for counts beyond loopback; nothing unknown passes as anonymous."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bartizan.model.call import Call
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.json import JsonObject, as_array, as_object, as_text
from bartizan.model.need import Answer, Need, Verified, VerifyToken
from bartizan.model.principal import ANONYMOUS, Principal, Proof
from bartizan.model.secret import Secret
from bartizan.prevent.policy import Rules

Known = Callable[[Secret, str, datetime], Verified | None]


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """This gateway as an OAuth 2.1 resource server: its address without a slash at the end, and what tokens are for."""

    base: str
    audience: str = ""
    scopes: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()

    def of(self, server: str) -> str:
        """The resource identifier of one server (RFC 8707); of the endpoint of all servers where none is named."""
        return self.base + _path(server)

    def audience_of(self, server: str) -> str:
        """What a token for this server must name."""
        return self.audience or self.of(server)

    def metadata_url(self, server: str) -> str:
        """Where the metadata of one server is (RFC 9728, section 3.1)."""
        return f"{self.base}/.well-known/oauth-protected-resource{_path(server)}"

    def metadata(self, server: str) -> JsonObject:
        """The document of RFC 9728 for one server; the gateway answers it to everybody."""
        document: JsonObject = {"resource": self.of(server), "bearer_methods_supported": ["header"]}
        if self.issuers:
            document["authorization_servers"] = list(self.issuers)
        if self.scopes:
            document["scopes_supported"] = list(self.scopes)
        return document


def _path(server: str) -> str:
    return f"/servers/{server}/mcp" if server else "/mcp"


def _asked(call: Call) -> str:
    """What the client asked: a server, or nothing for all of them."""
    return "" if call.combined else call.server


class Identity:
    """The guard. It sets the principal of a call; `known` is the warm cache of the verifier."""

    name = "identity"

    def __init__(self, rules: Rules, resource: Resource, *, loopback: bool, known: Known | None = None) -> None:
        self._rules, self._resource, self._loopback, self._known = rules, resource, loopback, known

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """Who asks: the owner of the token or key, else of the certificate, else, on loopback, the user."""
        shown = call.credentials
        if shown.bearer is not None and shown.api_key is not None:
            return call, self._deny(
                call, "a token and a key at once: it is not clear who asks", error="invalid_request"
            )
        token = shown.bearer or shown.api_key
        if token is not None:
            return self._of_token(call, token, answers)
        principal = self._of_connection(call)
        if principal is None:
            return call, self._deny(call, "nothing says who asks, or the certificate names nobody")
        if principal.expires is not None and principal.expires <= call.at:  # it was good when the connection was made
            return call, self._deny(call, "the certificate has expired")
        return _known_as(call, principal)

    def _of_connection(self, call: Call) -> Principal | None:
        shown = call.credentials
        if shown.certificate:
            return of_certificate(shown.certificate)
        if shown.user_id is not None and self._loopback:
            return Principal(id=f"os:{shown.user_id}", proof=Proof.SYSTEM_USER)
        return ANONYMOUS if self._loopback and self._rules.anonymous(call.server) else None

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """Everything, for somebody known."""
        return definitions if call.principal is not None else []

    def _of_token(self, call: Call, token: Secret, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        audience = self._resource.audience_of(_asked(call))
        verified: Answer | None = answers[0] if answers else None
        if verified is None and self._known is not None:
            verified = self._known(token, audience, call.at)
        if verified is None:
            return Need(question=VerifyToken(token=token, audience=audience))
        if not isinstance(verified, Verified) or verified.principal is None:
            reason = verified.reason if isinstance(verified, Verified) else "no answer about the token"
            return call, self._deny(call, reason or "the token is not known", error="invalid_token")
        principal = verified.principal
        if principal.expires is not None and principal.expires <= call.at:
            return call, self._deny(call, "the token has expired", error="invalid_token")
        if reason := _unbound(principal.claims, call.credentials.certificate):
            return call, self._deny(call, reason, error="invalid_token")
        return _known_as(call, principal)

    def _deny(self, call: Call, reason: str, *, error: str = "") -> Decision:
        """401 with where to get a token (RFC 9728, section 5.1; RFC 6750, section 3)."""
        challenge: JsonObject = {"error": error} if error else {}
        if self._resource.scopes:
            challenge["scope"] = " ".join(self._resource.scopes)
        challenge["resource_metadata"] = self._resource.metadata_url(_asked(call))
        exception = "a token, key or certificate that is known under `gateway.identity`"
        if self._loopback and not error:
            exception += f"; or under `servers`: {{{call.server}: {{anonymous: true}}}}"
        return Decision(
            effect=Effect.DENY,
            guard=Identity.name,
            reason=reason,
            refusal=Refusal.UNAUTHENTICATED,
            exception=exception,
            challenge=challenge,
        )


def _known_as(call: Call, principal: Principal) -> tuple[Call, Decision]:
    return msgspec.structs.replace(call, principal=principal), ALLOWED


def _unbound(claims: Mapping[str, Any], certificate: JsonObject) -> str:
    """Why a token that is bound to a key (RFC 7800) is not shown by the holder of that key."""
    if "cnf" not in claims:
        return ""
    bound = as_object(claims["cnf"])
    thumbprint = as_text(bound.get("x5t#S256"))
    if thumbprint and set(bound) == {"x5t#S256"} and thumbprint == certificate.get("x5t#S256"):
        return ""
    return "the token is bound to a key that was not shown"


def of_certificate(certificate: JsonObject) -> Principal | None:
    """The principal of a client certificate, in the form of Python's `ssl`: its SPIFFE id, else its subject."""
    names = [as_array(name) for name in as_array(certificate.get("subjectAltName"))]
    spiffe = [name[1] for name in names if name[:1] == ["URI"] and as_text(name[-1]).startswith("spiffe://")]
    if len(spiffe) > 1:
        return None  # SPIFFE X.509-SVID, section 2: exactly one
    subject = ",".join(_part(pair) for part in as_array(certificate.get("subject")) for pair in as_array(part))
    identity = spiffe[0] if spiffe else subject
    if not identity:
        return None
    return Principal(
        id=f"cert:{identity}",
        proof=Proof.CERTIFICATE,
        name=identity,
        claims={"subject": subject} | ({"spiffe": spiffe[0]} if spiffe else {}),
        credential=f"x5t:{thumbprint}" if (thumbprint := as_text(certificate.get("x5t#S256"))) else "",
        expires=datetime.fromtimestamp(until, UTC) if isinstance(until := certificate.get("notAfter"), int) else None,
    )


def _part(pair: Any) -> str:
    """One attribute of a subject, so that no value can pass as another attribute (RFC 4514)."""
    name, value = (as_text(one) for one in (*as_array(pair), "", "")[:2])
    return f"{name}=" + "".join(f"\\{sign}" if sign in ',+"\\<>;=#' else sign for sign in value)
