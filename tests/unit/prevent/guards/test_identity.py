"""Identity, as a transcript: what was shown, who was asked, and who it is."""

from datetime import timedelta

import pytest

from bartizan.model.call import Credentials
from bartizan.model.decision import Effect, Refusal
from bartizan.model.need import Counted, Need, Verified, VerifyToken
from bartizan.model.principal import ANONYMOUS, Proof
from bartizan.model.secret import Secret
from bartizan.prevent.guards.identity import Identity, Resource, of_certificate
from fixtures.calls import AT, a_call, rules, who

RESOURCE = Resource(base="https://gw.example", scopes=("mcp",), issuers=("https://idp.example",))
TOKEN = Secret("token-" + "x" * 20)
OPEN = "servers: {github: {anonymous: true}}"


def guard(policy="", *, loopback=False, known=None):
    return Identity(rules(policy), RESOURCE, loopback=loopback, known=known)


def unknown(**shown):
    return a_call(principal=None, credentials=Credentials(**shown))


def judged(call, *answers, of=None):
    result = (of or guard()).judge(call, answers)
    assert isinstance(result, tuple)
    return result


@pytest.mark.mission("C1")
def test_a_token_is_asked_about_for_this_server_and_its_owner_is_the_principal():
    call = unknown(bearer=TOKEN)
    assert guard().judge(call, ()) == Need(
        question=VerifyToken(token=TOKEN, audience="https://gw.example/servers/github/mcp")
    )
    found, decision = judged(call, Verified(principal=who()))
    assert decision.effect is Effect.ALLOW
    assert found.principal == who()


def test_a_token_that_is_known_needs_no_question():
    found, decision = judged(unknown(bearer=TOKEN), of=guard(known=lambda *_: Verified(principal=who())))
    assert (found.principal, decision.effect) == (who(), Effect.ALLOW)


@pytest.mark.parametrize(
    "answer",
    [
        Verified(reason="expired"),
        Verified(),
        Counted(granted=True),
        Verified(principal=who(expires=AT)),
        Verified(principal=who(claims={"cnf": {"jkt": "a"}})),
        Verified(principal=who(claims={"cnf": {"x5t#S256": "a"}})),
        Verified(principal=who(claims={"cnf": None})),
    ],
)
def test_a_token_that_does_not_do_is_401_with_where_to_get_one_even_where_anonymous_is_let_in(answer):
    call = unknown(bearer=TOKEN)
    found, decision = judged(call, answer, of=guard(OPEN, loopback=True))
    assert found.principal is None
    assert decision.refusal is Refusal.UNAUTHENTICATED
    assert decision.challenge == {
        "error": "invalid_token",
        "scope": "mcp",
        "resource_metadata": "https://gw.example/.well-known/oauth-protected-resource/servers/github/mcp",
    }
    assert TOKEN.reveal() not in repr((call, found, decision))


def test_a_token_bound_to_a_certificate_is_good_with_that_certificate_only():
    bound = Verified(principal=who(claims={"cnf": {"x5t#S256": "abc"}}))
    assert judged(unknown(bearer=TOKEN, certificate={"x5t#S256": "abc"}), bound)[1].effect is Effect.ALLOW
    assert judged(unknown(bearer=TOKEN, certificate={"x5t#S256": "abd"}), bound)[1].effect is Effect.DENY


def test_a_token_and_a_key_at_once_are_refused():
    assert judged(unknown(bearer=TOKEN, api_key=TOKEN), Verified(principal=who()))[1].effect is Effect.DENY


def test_the_anonymous_one_is_let_in_where_policy_says_so_and_on_loopback_only():
    assert judged(unknown(), of=guard(OPEN, loopback=True))[0].principal == ANONYMOUS
    for closed in (guard(OPEN), guard(loopback=True), guard("servers: {other: {anonymous: true}}", loopback=True)):
        found, decision = judged(unknown(), of=closed)
        assert found.principal is None
        assert decision.refusal is Refusal.UNAUTHENTICATED
        assert "error" not in decision.challenge
    assert "{github: {anonymous: true}}" in judged(unknown(), of=guard(loopback=True))[1].exception


def test_the_user_of_a_stdio_client_counts_on_loopback_and_is_unproven():
    found = judged(unknown(user_id=1000), of=guard(loopback=True))[0].principal
    assert found is not None
    assert (found.id, found.proof, found.proven) == ("os:1000", Proof.SYSTEM_USER, False)
    assert judged(unknown(user_id=1000))[1].effect is Effect.DENY


SUBJECT = ((("organizationName", "Acme, Inc"),), (("commonName", "ci"),))


def test_a_certificate_names_its_spiffe_id_else_its_subject():
    plain = of_certificate({"subject": SUBJECT})
    assert plain is not None
    assert plain.id == "cert:organizationName=Acme\\, Inc,commonName=ci"
    spiffe = of_certificate({"subject": SUBJECT, "subjectAltName": (("URI", "spiffe://a/ci"), ("DNS", "ci"))})
    assert spiffe is not None
    assert (spiffe.id, spiffe.proven) == ("cert:spiffe://a/ci", True)
    assert judged(unknown(certificate={"subject": SUBJECT}))[1].effect is Effect.ALLOW


@pytest.mark.parametrize(
    "certificate",
    [
        {"subject": ()},
        {"subjectAltName": (("DNS", "spiffe://a/b"),)},
        {"subject": SUBJECT, "subjectAltName": (("URI", "spiffe://a/b"), ("URI", "spiffe://a/c"))},
        {"x": 1},
    ],
)
def test_a_certificate_that_names_nobody_is_refused(certificate):
    assert judged(unknown(certificate=certificate), of=guard(OPEN, loopback=True))[1].effect is Effect.DENY


def test_a_list_is_shown_to_somebody_known_only():
    assert guard().filter(a_call(principal=None), [{"name": "a"}]) == []
    assert guard().filter(a_call(), [{"name": "a"}]) == [{"name": "a"}]


def test_the_metadata_names_this_gateway_and_its_issuers():
    assert RESOURCE.metadata("github") == {
        "resource": "https://gw.example/servers/github/mcp",
        "bearer_methods_supported": ["header"],
        "authorization_servers": ["https://idp.example"],
        "scopes_supported": ["mcp"],
    }


def test_a_later_call_after_expiry_is_refused_from_the_warm_cache_too():
    warm = guard(known=lambda *_: Verified(principal=who(expires=AT - timedelta(seconds=1))))
    assert judged(unknown(bearer=TOKEN), of=warm)[1].refusal is Refusal.UNAUTHENTICATED
