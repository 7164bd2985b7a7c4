"""The guards of this release together, as a transcript: what a client shows, who is asked, what becomes of its call."""

import asyncio
from datetime import datetime
from typing import Any

import msgspec
import pytest

from bartizan.adapters.tokens.api_keys import make_key
from bartizan.app.identity import answer, guards, resource_of, token_verifier
from bartizan.model.call import Call, Credentials, Verb
from bartizan.model.decision import Decision, Effect, Refusal
from bartizan.model.identity import ApiKey, IdentityConfig
from bartizan.model.need import Count, Need, Take
from bartizan.model.secret import Secret
from fixtures.calls import AT, a_call, rules

POLICY = """\
servers: {github: {reads: ["get_*"]}}
roles: {bots: [{group: bots}]}
allow: [{role: bots, server: github, tools: ["*"]}]
limits: [{per: [credential], calls: 3, window: 1m}]
"""
KEY, HASH = make_key("ci")
STRANGER, _ = make_key("ci")


class Clock:
    def now(self) -> datetime:
        return AT


class Gatekeeper:
    """Asks the guards in order, and the verifier what they ask."""

    def __init__(self) -> None:
        config = IdentityConfig(api_keys={"ci": ApiKey(hash=HASH, groups=("bots",))})
        self.verifier = token_verifier(config, clock=Clock(), key=Secret("k"), read=Secret)
        resource = resource_of(config, "http://127.0.0.1:8700/")
        self.guards = guards(rules(POLICY), resource, loopback=True, verifier=self.verifier)
        self.questions = 0
        self.number = 0

    def __call__(self, tool: str = "get_file", verb: Verb = Verb.CALL, **shown: Any) -> tuple[Call, Decision]:
        self.number += 1
        call = a_call(tool, verb, uid=str(self.number), principal=None, credentials=Credentials(**shown))
        decision = Decision(effect=Effect.ALLOW)
        for guard in self.guards:
            judged = guard.judge(call, ())
            if isinstance(judged, Need):
                self.questions += 1
                judged = guard.judge(call, [asyncio.run(answer(judged.question, self.verifier))])
            assert not isinstance(judged, Need)
            call, decision = judged
            if decision.effect is not Effect.ALLOW:
                break
        return call, decision


def test_a_known_key_is_asked_about_once_and_reads_until_its_limit():
    ask = Gatekeeper()
    assert [ask(api_key=KEY)[1].effect for _ in range(4)] == [Effect.ALLOW] * 3 + [Effect.DENY]
    assert ask.questions == 1
    assert ask(api_key=KEY)[1].refusal is Refusal.TOO_MANY


def test_after_a_revocation_it_is_asked_about_again():
    ask = Gatekeeper()
    ask(api_key=KEY)
    ask.verifier.forget("key:ci")
    ask(api_key=KEY)
    assert ask.questions == 2


@pytest.mark.parametrize("shown", [{}, {"api_key": STRANGER}, {"bearer": Secret("x" * 40)}])
def test_without_a_known_key_nothing_is_reached_and_the_client_is_told_where_to_get_a_token(shown):
    call, decision = Gatekeeper()(**shown)
    assert (call.principal, decision.refusal) == (None, Refusal.UNAUTHENTICATED)
    metadata = "http://127.0.0.1:8700/.well-known/oauth-protected-resource/servers/github/mcp"
    assert decision.challenge["resource_metadata"] == metadata


def test_a_write_is_as_if_it_were_not_there():
    assert Gatekeeper()("delete_repo", api_key=KEY)[1].refusal is Refusal.NOT_FOUND


def test_every_denial_names_what_would_permit_it_and_none_holds_the_key():
    ask = Gatekeeper()
    denials = [ask(), ask(api_key=STRANGER), ask("delete_repo", api_key=KEY), ask("x" * 5000, api_key=KEY)]
    denials += [ask(api_key=KEY) for _ in range(4)][3:]
    assert all(decision.effect is Effect.DENY and decision.exception for _, decision in denials)
    said = repr(denials) + "".join(msgspec.json.encode(decision).decode() for _, decision in denials)
    said += repr([vars(guard) for guard in ask.guards]) + repr(vars(ask.verifier))
    for key in (KEY, STRANGER):
        assert key.reveal() not in said
        assert key.reveal()[-20:] not in said  # what is random of it may hold any sign


def test_what_nobody_answers_is_an_error_and_so_a_denial():
    with pytest.raises(LookupError):
        asyncio.run(answer(Count(takes=(Take(key="a", window_seconds=1, most=1),)), Gatekeeper().verifier))
