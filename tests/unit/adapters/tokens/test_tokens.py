"""Tokens, against an issuer that answers over HTTP and keys that are made for the test."""

import asyncio
import base64
import hmac
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from bartizan.adapters.tokens.api_keys import ApiKeys, make_key
from bartizan.adapters.tokens.known import KnownTokens
from bartizan.adapters.tokens.verifier import Tokens
from bartizan.app.identity import token_verifier
from bartizan.model.identity import ApiKey, IdentityConfig, Introspection, Issuer
from bartizan.model.limits import Limits
from bartizan.model.need import Verified
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret

AUDIENCE = "https://gw.example/servers/github/mcp"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    WEAK = RSAKey.generate_key(1024, {"kid": "weak"})
OTHER = ECKey.generate_key("P-256", {"kid": "ec"})


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Idp:
    """An authorization server: what it answers, and what it was asked."""

    def __init__(self) -> None:
        self.keys: list[Any] = [EC, RSA, ED, WEAK]
        self.active: dict[str, Any] = {}
        self.asked: list[str] = []
        self.status = 200
        self.named = ""
        handler = type("Handler", (_Handler,), {"idp": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realm"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str, body: str, authorization: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if path == "/.well-known/oauth-authorization-server/realm":
            return self.status, {"issuer": self.named or self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
        if path == "/realm/jwks":
            return self.status, {"keys": [*[key.as_dict(private=False) for key in self.keys], {"kty": "odd"}, 3]}
        if path == "/realm/introspect" and authorization == "Basic " + base64.b64encode(b"gw:s+%2B").decode():
            return self.status, self.active.get(parse_qs(body)["token"][0], {"active": False})
        return 404, {}


class _Handler(BaseHTTPRequestHandler):
    idp: Idp

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        status, document = self.idp.answer(self.path, body, self.headers.get("authorization", ""))
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST  # noqa: N815 - the name that the library has

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the library has
        """Nothing: the test reads what was asked."""


@pytest.fixture
def idp() -> Iterator[Idp]:
    one = Idp()
    yield one
    one.server.shutdown()
    one.server.server_close()


def config(idp: Idp, **facts: Any) -> IdentityConfig:
    return IdentityConfig(issuers=(Issuer(issuer=idp.issuer, **facts),), networks=("127.0.0.1",))


def verifier(idp: Idp, clock: Clock | None = None, **facts: Any) -> Any:
    return token_verifier(config(idp, **facts), clock=clock or Clock(), key=Secret("k"), read=lambda _: Secret("s +"))


def claims(idp: Idp, **facts: Any) -> dict[str, Any]:
    now = int(NOW.timestamp())
    usual = {"iss": idp.issuer, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600}
    return {name: value for name, value in (usual | facts).items() if value is not ...}


def signed(idp: Idp, key: Any = EC, header: dict[str, Any] | None = None, **facts: Any) -> Secret:
    algorithm = {"EC": "ES256", "RSA": "RS256", "OKP": "EdDSA"}[key.key_type]
    head = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt"} | (header or {})
    head = {name: value for name, value in head.items() if value is not ...}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Secret(jwt.encode(head, claims(idp, **facts), key, algorithms=[head["alg"]]))


def asked(one: Any, token: Secret, audience: str = AUDIENCE) -> Verified:
    return asyncio.run(one.verify(token, audience))


@pytest.mark.parametrize("key", [EC, RSA, ED], ids=["EC", "RSA", "Ed25519"])
def test_a_token_that_the_issuer_signed_for_this_server_is_of_its_subject(idp, key):
    found = asked(verifier(idp), signed(idp, key)).principal
    assert found
    assert (found.id, found.proof) == (f"{idp.issuer}|alice", Proof.TOKEN)
    assert found.expires == NOW + timedelta(seconds=600)


def test_groups_scopes_and_the_sign_in_are_read_from_the_claims(idp):
    facts = {"realm_access": {"roles": ["dev", 3, "ops team"]}, "scope": "a b", "acr": "phr", "amr": ["mfa"]}
    token = signed(idp, aud=["x", AUDIENCE], auth_time=int(NOW.timestamp()) - 60, **facts)
    found = asked(verifier(idp, groups="realm_access.roles"), token).principal
    assert found
    assert (found.groups, found.scopes) == ({"dev", "ops team"}, {"a", "b"})
    assert (found.context, found.methods, found.authenticated_at) == ("phr", {"mfa"}, NOW - timedelta(seconds=60))


NOW_S = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"aud": "https://gw.example/servers/other/mcp"}, "another resource"),
        ({"aud": AUDIENCE + "/"}, "another resource"),
        ({"aud": {AUDIENCE: 1}}, "another resource"),
        ({"aud": ...}, "another resource"),
        ({"exp": NOW_S}, "expired"),
        ({"exp": ...}, "when it expires"),
        ({"exp": "9999999999"}, "when it expires"),
        ({"exp": True}, "when it expires"),
        ({"nbf": NOW_S + 60}, "not good yet"),
        ({"iat": NOW_S + 60}, "not good yet"),
        ({"nbf": "x"}, "not good yet"),
        ({"sub": ...}, "whose it is"),
        ({"sub": 7}, "whose it is"),
        ({"sub": "x" * 600}, "whose it is"),
        ({"iss": "https://other.example"}, "not configured"),
        ({"iss": ...}, "not configured"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused_and_the_reason_is_told(idp, facts, reason):
    found = asked(verifier(idp), signed(idp, **facts))
    assert found.principal is None
    assert reason in found.reason


def forged(idp: Idp, header: dict[str, Any], signature: bytes = b"") -> Secret:
    parts = [json.dumps(header).encode(), json.dumps(claims(idp)).encode(), signature]
    return Secret(".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts))


def confused(idp: Idp) -> Secret:
    """Signed with the public key as if it were a shared secret."""
    text = forged(idp, {"alg": "HS256", "kid": "ec"}).reveal().rstrip(".")
    made = hmac.digest(EC.as_pem(private=False), text.encode(), "sha256")
    return Secret(f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}")


def test_forged_tokens_are_refused(idp):
    public = EC.as_dict(private=False)
    attempts = [
        signed(idp, OTHER),
        signed(idp, OTHER, {"kid": ...}),
        signed(idp, OTHER, {"jwk": OTHER.as_dict(private=False)}),
        confused(idp),
        signed(idp, WEAK),
        signed(idp, EC, {"typ": "dpop+jwt"}),
        signed(idp, EC, {"kid": "rsa"}),
        forged(idp, {"alg": "none"}),
        forged(idp, {"alg": "none", "kid": "ec"}, b"x"),
        forged(idp, {"alg": "ES256", "kid": "ec"}, b"\0" * 64),
        forged(idp, {"alg": "ES256", "kid": ["ec"]}, b"\0" * 64),
        forged(idp, {"alg": ["ES256"], "kid": "ec"}, b"x"),
        forged(idp, {"alg": "ES256", "kid": "ec", "crit": ["x"], "x": 1}, b"x"),
        forged(idp, {"alg": "ES256", "jku": "http://169.254.169.254/", "kid": "new"}, b"x"),
        Secret(signed(idp).reveal()[:-4] + "AAAA"),
        Secret(signed(idp).reveal() + "."),
        Secret("a.b.c"),
        Secret(""),
        Secret("x" * 20_000),
        Secret("\u00e9.\u00e9.\u00e9"),
    ]
    one = verifier(idp)
    assert public["crv"] == "P-256"
    assert [asked(one, attempt).principal for attempt in attempts] == [None] * len(attempts)
    assert asked(one, signed(idp)).principal


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: f"{base64.urlsafe_b64encode(raw).decode()}.e30.x"))
def test_whatever_is_shown_as_a_token_nothing_is_raised_and_nobody_is_let_in(text):
    one = Tokens(clock=Clock(), keys=ApiKeys({}, lambda _: ""))
    assert asked(one, Secret(text)).principal is None


def test_keys_that_rotate_are_fetched_once_and_not_for_every_stranger(idp):
    one = verifier(idp)
    one._signed[idp.issuer]._keys._limits = Limits(signing_keys_refresh_seconds_min=0)
    assert asked(one, signed(idp)).principal
    assert asked(one, signed(idp, sub="bob")).principal
    assert idp.asked.count("/realm/jwks") == 1
    new = ECKey.generate_key("P-256", {"kid": "new"})
    idp.keys = [new]
    assert asked(one, signed(idp, new)).principal
    assert asked(one, signed(idp, EC, sub="carol")).principal is None
    one._signed[idp.issuer]._keys._limits = Limits()
    before = len(idp.asked)
    for number in range(5):
        assert asked(one, signed(idp, EC, {"kid": f"k{number}"})).principal is None
    assert len(idp.asked) == before


@pytest.mark.parametrize("broken", ["status", "issuer"])
def test_an_issuer_that_does_not_answer_as_it_must_lets_nobody_in(idp, broken):
    idp.status, idp.named = (500, "") if broken == "status" else (200, "https://other.example")
    found = asked(verifier(idp), signed(idp))
    assert found.principal is None
    assert "could not be asked" in found.reason


def test_an_issuer_at_a_private_address_is_not_asked_unless_it_is_listed(idp):
    shut = IdentityConfig(issuers=(Issuer(issuer=idp.issuer),))
    one = token_verifier(shut, clock=Clock(), key=Secret("k"), read=Secret)
    found = asked(one, signed(idp))
    assert "may not go" in found.reason
    assert idp.asked == []


def test_what_was_found_out_is_known_until_it_expires_or_is_forgotten(idp):
    clock = Clock()
    one, token = verifier(idp, clock), signed(idp, exp=NOW_S + 100)
    assert one.known(token, AUDIENCE, NOW) is None
    found = asked(one, token)
    assert one.known(token, AUDIENCE, NOW) is found
    assert one.known(token, "https://gw.example/servers/other/mcp", NOW) is None
    assert one.known(token, AUDIENCE, NOW + timedelta(seconds=100)) is None
    asked(one, token)
    one.forget("somebody else")
    assert one.known(token, AUDIENCE, NOW)
    one.forget(f"{idp.issuer}|alice")
    assert one.known(token, AUDIENCE, NOW) is None


def test_the_cache_is_bounded_and_keeps_nothing_that_was_asked_before_a_revocation():
    known, good = KnownTokens(Limits(verified_tokens_max=2)), Verified(principal=Principal(id="a", proof=Proof.TOKEN))
    for number in range(3):
        known.put(Secret(str(number)), "", good, NOW, 0)
    assert [bool(known.get(Secret(str(number)), "", NOW)) for number in range(3)] == [False, True, True]
    assert known.get(Secret("2"), "", NOW + timedelta(seconds=300)) is None
    known.forget()
    known.put(Secret("late"), "", good, NOW, 0)
    assert known.get(Secret("late"), "", NOW) is None


OPAQUE = Secret("opaque-" + "t" * 30 + "/+")


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        ({}, True),
        ({"active": False}, False),
        ({"active": "true"}, False),
        ({"aud": ...}, False),
        ({"iss": "https://other.example"}, False),
        ({"exp": NOW_S - 1}, False),
    ],
)
def test_an_opaque_token_is_good_where_its_issuer_says_so_for_this_server(idp, answer, good):
    facts = {"active": True} | claims(idp, **({"iss": ...} | answer))
    idp.active[OPAQUE.reveal()] = {name: value for name, value in facts.items() if value is not ...}
    at = Introspection(endpoint=f"{idp.issuer}/introspect", client_id="gw", client_secret="env:X")
    one = verifier(idp, introspection=at)
    found = asked(one, OPAQUE)
    assert bool(found.principal) is good
    assert bool(one.known(OPAQUE, AUDIENCE, NOW)) is good


def test_an_api_key_is_good_until_its_last_day_and_a_wrong_one_never():
    key, digest = make_key("ci")
    other, _ = make_key("ci")
    config = IdentityConfig(api_keys={"ci": ApiKey(hash=digest, groups=("bots",), until=NOW.date())})
    clock = Clock()
    one = token_verifier(config, clock=clock, key=Secret("k"), read=Secret)
    found = asked(one, key).principal
    assert found
    assert (found.id, found.groups, found.proven) == ("key:ci", {"bots"}, True)
    assert key.reveal() not in digest
    for wrong in (other, Secret(key.reveal() + "a"), Secret(key.reveal().replace("ci", "cj")), Secret("bzk_")):
        assert asked(one, wrong).principal is None
    clock.at = NOW + timedelta(days=1)
    assert asked(one, key).principal is None


def test_the_token_is_in_nothing_that_is_said_of_it(idp, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    at = Introspection(endpoint=f"{idp.issuer}/introspect", client_id="gw", client_secret="env:X")
    one = verifier(idp, introspection=at)
    idp.active[OPAQUE.reveal()] = {"active": True} | claims(idp)
    good, bad, key = signed(idp), signed(idp, OTHER), make_key("ci")[0]
    told = [asked(one, token) for token in (good, bad, OPAQUE, key)]
    idp.status = 500
    told.append(asked(verifier(idp), good))
    said = repr(told) + repr(one.__dict__) + caplog.text + "".join(capfd.readouterr())
    for token in (good, bad, OPAQUE, key):
        assert token.reveal() not in said
        assert token.reveal().rpartition(".")[2] not in said


def test_what_may_not_be_trusted_with_tokens_is_refused_in_the_configuration():
    with pytest.raises(ValueError, match="no https address"):
        Issuer(issuer="http://idp.example")
    with pytest.raises(ValueError, match="no https address"):
        Issuer(issuer="https://user:x@idp.example")
    asks = Introspection(endpoint="https://a.example/i", client_id="c", client_secret="env:X")
    with pytest.raises(ValueError, match="two issuers with introspection"):
        IdentityConfig(issuers=tuple(Issuer(issuer=f"https://{n}.example", introspection=asks) for n in "ab"))
