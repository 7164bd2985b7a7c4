"""What a refusal is on the wire, for each kind of it."""

import json
from datetime import UTC, datetime

import pytest

from bartizan.model.call import Call, Verb
from bartizan.model.decision import Decision, Effect, Refusal
from bartizan.model.snapshot import Era, Transport
from bartizan.protocol.relay.refusals import TABLE, Refused, Wrong, challenge, denial, reply_to


def call(method="tools/call", verb=Verb.CALL, era=Era.MODERN) -> Call:
    return Call(
        uid="u-17",
        server="files",
        method=method,
        verb=verb,
        target="drop_table",
        era=era,
        revision="2026-07-28",
        transport=Transport.STREAMABLE_HTTP,
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )


def deny(refusal: Refusal, **more) -> Decision:
    return Decision(effect=Effect.DENY, reason="the table of salaries is secret", rule="r-9", refusal=refusal, **more)


def test_every_kind_of_wrong_request_has_a_status_and_a_code():
    assert set(TABLE) == set(Wrong)
    for wrong in Wrong:
        reply = reply_to(Refused(wrong=wrong, id=4))
        message = json.loads(reply.body)
        assert (reply.status, message["error"]["code"], message["id"]) == (*TABLE[wrong], 4)


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize("era", Era)
def test_a_refusal_tells_the_model_an_id_and_nothing_that_it_could_learn_from(refusal, era):
    body = denial(call(era=era), 1, deny(refusal)).body.decode()
    assert "u-17" in body
    for secret in ("salaries", "r-9", "drop_table", "files"):
        assert secret not in body


@pytest.mark.parametrize("era", Era)
def test_F8_a_refused_tool_call_is_a_tool_error_that_the_model_reads(era):
    reply = denial(call(era=era), 1, deny(Refusal.TOOL_ERROR))
    result = json.loads(reply.body)["result"]
    assert (reply.status, result["isError"]) == (200, True)
    assert ("resultType" in result) == (era is Era.MODERN)


@pytest.mark.parametrize(
    ("verb", "method", "era", "code"),
    [
        (Verb.CALL, "tools/call", Era.MODERN, -32602),
        (Verb.PROMPT, "prompts/get", Era.LEGACY, -32602),
        (Verb.READ, "resources/read", Era.LEGACY, -32002),
        (Verb.READ, "resources/read", Era.MODERN, -32602),
        (Verb.CONNECT, "server/discover", Era.MODERN, -32602),
    ],
)
def test_what_is_hidden_looks_like_what_does_not_exist(verb, method, era, code):
    reply = denial(call(method, verb, era), 1, deny(Refusal.NOT_FOUND))
    assert json.loads(reply.body)["error"]["code"] == code


def test_I1_who_is_unknown_is_told_where_to_authenticate():
    url = "https://gateway/.well-known/oauth-protected-resource"
    reply = denial(call(), 1, deny(Refusal.UNAUTHENTICATED, challenge={"resource_metadata": url, "scope": "mcp"}))
    assert reply.status == 401
    assert ("www-authenticate", f'Bearer resource_metadata="{url}", scope="mcp"') in reply.headers


def test_I2_a_scope_that_is_missing_is_named_for_a_step_up():
    reply = denial(call(), 1, deny(Refusal.INSUFFICIENT_SCOPE, challenge={"error": "insufficient_scope", "scope": "w"}))
    assert reply.status == 403
    assert dict(reply.headers)["www-authenticate"] == 'Bearer error="insufficient_scope", scope="w"'


def test_who_asks_too_often_is_told_when_to_ask_again():
    reply = denial(call(), 1, deny(Refusal.TOO_MANY, retry_after_seconds=1.2))
    assert (reply.status, dict(reply.headers)["retry-after"]) == (429, "2")


def test_a_challenge_cannot_be_broken_out_of():
    assert challenge({"scope": 'a"\r\nset-cookie: x\\'}) == 'Bearer scope="aset-cookie: x"'


def test_a_refused_notification_has_no_body():
    reply = denial(call("notifications/x", Verb.NOTIFY), None, deny(Refusal.TOOL_ERROR))
    assert (reply.status, reply.body) == (403, b"")
