"""Claims of a token become a principal, or a reason why not. The same for signed and for introspected ones."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bartizan.model.identity import Issuer
from bartizan.model.json import as_array, as_object, as_text
from bartizan.model.limits import DEFAULT
from bartizan.model.need import Verified
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret

Fingerprint = Callable[[Secret], str]
_SUBJECT_MAX = 512
_LAST = 253402300799  # the last second of the year 9999, beyond which no time is meant


def judge_claims(claims: Mapping[str, Any], issuer: Issuer, audience: str, at: datetime) -> str:
    """Why a token is not good here and now; nothing where it is (RFC 7519, RFC 9068 section 4)."""
    now, leeway = at.timestamp(), DEFAULT.token_leeway_seconds
    expires = _seconds(claims.get("exp"))
    if claims.get("iss") != issuer.issuer:
        return "the token is of another issuer"
    if audience not in _audiences(claims.get("aud")):
        return "the token is for another resource"
    if expires is None or expires <= now:
        return "the token has expired" if expires else "the token does not say when it expires"
    for name in ("nbf", "iat"):
        if name in claims and ((since := _seconds(claims[name])) is None or since - leeway > now):
            return f"the token is not good yet ({name})"
    if not 0 < len(as_text(claims.get("sub"))) <= _SUBJECT_MAX:
        return "the token does not say whose it is"
    return ""


def principal_of(claims: Mapping[str, Any], issuer: Issuer, credential: str) -> Principal:
    """The principal of claims that were judged good."""
    signed_in, expires = _seconds(claims.get("auth_time")), _seconds(claims.get("exp"))
    return Principal(
        id=f"{issuer.issuer}|{claims['sub']}",
        proof=Proof.TOKEN,
        name=next(
            (found for key in ("preferred_username", "name", "email") if (found := as_text(claims.get(key)))), ""
        ),
        groups=frozenset(_texts(_at(claims, issuer.groups))),
        scopes=frozenset(_texts(claims.get("scope")) or _texts(claims.get("scp"))),
        claims=dict(claims),
        credential=credential,
        context=as_text(claims.get("acr")),
        methods=frozenset(_texts(claims.get("amr"))),
        authenticated_at=datetime.fromtimestamp(signed_in, UTC) if signed_in is not None else None,
        expires=datetime.fromtimestamp(expires, UTC) if expires is not None else None,
    )


def verified(
    claims: Mapping[str, Any], issuer: Issuer, audience: str, at: datetime, *, token: Secret, fingerprint: Fingerprint
) -> Verified:
    """Both in one."""
    if reason := judge_claims(claims, issuer, audience, at):
        return Verified(reason=reason)
    return Verified(principal=principal_of(claims, issuer, fingerprint(token)))


def _audiences(value: Any) -> list[Any]:
    return as_array(value) if isinstance(value, list) else [value]


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LAST:
        return None
    return float(value)


def _texts(value: Any) -> list[str]:
    """A claim that is a list of texts, or one text with spaces between (RFC 8693, section 4.2)."""
    if isinstance(value, str):
        return value.split()
    return [one for one in as_array(value) if isinstance(one, str)]


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, else what the dots lead to. A group may have spaces: one text is one group."""
    found: Any = claims.get(path)
    if found is None:
        found = dict(claims)
        for name in path.split("."):
            found = as_object(found).get(name)
    return [found] if isinstance(found, str) else found
