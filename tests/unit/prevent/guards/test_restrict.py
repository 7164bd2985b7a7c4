"""The restrict guard as transcripts: what was stopped, what passes."""

from datetime import timedelta
from typing import Any

import pytest

from bartizan.model.call import Verb
from bartizan.model.decision import ALLOWED, Decision, Effect
from bartizan.model.restriction import Restrained, Restriction
from bartizan.prevent.guards.restrict import Restrict
from fixtures.calls import AT, a_call, rules, who

POLICY = "servers: {github: {reads: [get_*], dry_run: true}}"


def one(effect: Restrained = Restrained.DENY, **facts: Any) -> Restriction:
    return Restriction(id="H-1", effect=effect, reason="breach", by="maya", since=AT, **facts)


def judged(restriction: Restriction, **facts: Any) -> Decision:
    outcome = Restrict(rules(POLICY), lambda: (restriction,)).judge(a_call(**facts), ())
    assert isinstance(outcome, tuple)
    return outcome[1]


@pytest.mark.parametrize("verb", [Verb.CALL, Verb.LIST, Verb.CONNECT, Verb.READ, Verb.NOTIFY])
def test_when_everything_is_stopped_nothing_passes_not_even_in_a_dry_run(verb: Verb):
    decision = judged(one(), verb=verb)
    assert (decision.effect, decision.dry) == (Effect.DENY, False)
    assert decision.reason == "deny of everything since 12:00:00: breach"
    assert decision.exception == "bartizan halt lift H-1"


@pytest.mark.parametrize(
    ("scope", "passes"),
    [
        ({"server": "github"}, False),
        ({"server": "other"}, True),
        ({"tool": "get_file"}, False),
        ({"tool": "put_file"}, True),
        ({"principal": who().id}, False),
        ({"principal": "somebody"}, True),
        ({"client": "claude"}, True),
        ({"server": "github", "tool": "put_file"}, True),
    ],
)
def test_a_scope_stops_only_what_it_names(scope: dict[str, Any], passes: bool):
    assert (judged(one(**scope)) is ALLOWED) == passes


def test_a_restriction_ends_when_it_says_so_or_is_lifted():
    assert judged(one(until=AT)) is ALLOWED
    assert judged(one(until=AT + timedelta(seconds=1))).effect is Effect.DENY
    assert judged(one(lifted_at=AT)) is ALLOWED


def test_read_only_lets_what_policy_says_only_reads_through():
    assert judged(one(Restrained.READ_ONLY), target="get_file") is ALLOWED
    assert judged(one(Restrained.READ_ONLY), target="put_file").effect is Effect.DENY
    assert judged(one(Restrained.READ_ONLY), verb=Verb.LIST) is ALLOWED


def test_confirm_holds_each_call_for_a_person():
    assert judged(one(Restrained.CONFIRM)).effect is Effect.HOLD


def test_an_answer_under_way_stops_too():
    guard = Restrict(rules(POLICY), lambda: (one(),))
    assert guard.hear(a_call(), {"result": {}}).effect is Effect.DENY
    assert Restrict(rules(POLICY), lambda: (one(Restrained.CONFIRM),)).hear(a_call(), {"result": {}}) is ALLOWED
