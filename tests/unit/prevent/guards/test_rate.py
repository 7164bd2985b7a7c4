"""Rate and limits: what has room passes, what has none is refused with when to come again."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.call import Verb
from bartizan.model.decision import Effect, Refusal
from bartizan.model.limits import Limits
from bartizan.model.need import Need
from bartizan.prevent.guards.limits import LimitsGuard
from bartizan.prevent.guards.rate import Rate
from bartizan.prevent.meter import Meter
from fixtures.calls import AT, a_call, rules, who


class Caller:
    """Calls one after another, each with an id of its own."""

    def __init__(self, policy, limits=None):
        self.guard = Rate(rules(policy), limits or Limits())
        self.number = 0

    def __call__(self, target="get", *, after=0.0, answers=(), **facts) -> Any:
        self.number += 1
        arguments = facts.pop("arguments", {"n": self.number})
        at = AT + timedelta(seconds=after)
        self.call = a_call(target, uid=f"u{self.number}", at=at, arguments=arguments, **facts)
        judged = self.guard.judge(self.call, answers)
        return judged if isinstance(judged, Need) else judged[1]


def decided(guard, call) -> Any:
    return guard.judge(call, ())[1]


def allowed(decision):
    return decision.effect is Effect.ALLOW


def test_the_calls_of_a_window_run_out_and_come_back():
    call = Caller("limits: [{per: [principal], calls: 3, window: 1m}]")
    assert [allowed(call()) for _ in range(4)] == [True, True, True, False]
    refused = call()
    assert refused.refusal is Refusal.TOO_MANY
    assert refused.exception == "p.yml:1: `calls`"
    assert 60 < refused.retry_after_seconds <= 62
    assert not allowed(call(after=59))
    assert allowed(call(after=refused.retry_after_seconds + 0.01))


def test_each_principal_has_its_own():
    call = Caller("limits: [{per: [principal], calls: 1}]")
    assert allowed(call())
    assert allowed(call(principal=who("bob")))
    assert not allowed(call())


def test_a_limit_on_a_tool_counts_that_tool():
    call = Caller("limits: [{per: [tool], server: github, tools: [push_*], calls: 1}]")
    assert allowed(call("push_a"))
    assert allowed(call("push_b"))
    assert allowed(call("get"))
    assert not allowed(call("push_a", principal=who("bob")))
    assert allowed(call("push_a", server="other"))
    assert allowed(call("push_a", verb=Verb.READ))


def test_calls_at_once_are_held_until_they_end():
    call = Caller("limits: [{per: [server], at_once: 2}]")
    assert allowed(call())
    first = call.call
    assert allowed(call())
    assert not allowed(call())
    call.guard.done(call.call)  # the refused one holds nothing
    assert not allowed(call())
    call.guard.done(first)
    call.guard.done(first)
    assert allowed(call())
    assert not allowed(call())


def test_judging_a_call_again_counts_it_once():
    call = Caller("limits: [{per: [principal], calls: 2}]")
    assert allowed(call())
    for _ in range(5):
        assert allowed(decided(call.guard, call.call))
    assert allowed(call())
    assert not allowed(call())


def test_bytes_of_requests_and_answers_count():
    call = Caller("limits: [{per: [principal], bytes: 1000}]")
    assert allowed(call(bytes=400))
    call.guard.spent(call.call, 600)
    refused = call(bytes=1)
    assert refused.exception == "p.yml:1: `bytes`"
    assert allowed(call(bytes=1, after=120))


def test_a_loop_is_cut_and_other_arguments_go_on():
    call = Caller("loops: {calls: 3, window: 1m}")
    same = {"a": [1, {"b": 2}]}
    assert [allowed(call(arguments=same)) for _ in range(4)] == [True, True, True, False]
    refused = call(arguments=same)
    assert refused.refusal is Refusal.TOOL_ERROR
    assert refused.exception == "p.yml:1: `loops`"
    assert allowed(call(arguments={"a": [1, {"b": 3}]}))
    assert allowed(call(arguments=same, principal=who("bob")))
    assert allowed(call(arguments=same, after=120))


def test_the_order_of_keys_does_not_hide_a_loop():
    call = Caller("loops: {calls: 1, window: 1m}")
    assert allowed(call(arguments={"a": 1, "b": 2}))
    assert not allowed(call(arguments={"b": 2, "a": 1}))


def test_a_loop_is_cut_without_any_policy():
    call = Caller("")
    assert [allowed(call(arguments={})) for _ in range(101)].count(True) == 100


def test_a_dry_run_notes_and_lets_through():
    call = Caller("servers: {github: {dry_run: true}}\nlimits: [{per: [principal], calls: 1}]")
    assert allowed(call())
    assert call().dry


def test_more_keys_than_are_held_are_refused_and_the_known_ones_go_on():
    call = Caller("limits: [{per: [principal], calls: 100}]", Limits(meter_keys_max=2))
    assert allowed(call(verb=Verb.LIST, principal=who("a")))
    assert allowed(call(verb=Verb.LIST, principal=who("b")))
    assert not allowed(call(verb=Verb.LIST, principal=who("c")))
    assert allowed(call(verb=Verb.LIST, principal=who("a")))
    assert allowed(call(verb=Verb.LIST, principal=who("c"), after=120))


def test_many_different_calls_are_no_loop_and_never_refused_for_their_number():
    call = Caller("loops: {calls: 2, window: 1m}", Limits(meter_keys_max=5))
    for _ in range(50):
        assert allowed(call())
    assert [allowed(call(arguments={})) for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 20), max_size=60), st.integers(1, 5))
def test_never_more_than_the_limit_in_any_window_and_waiting_as_told_is_enough(steps, most):
    meter, granted, at = Meter(10, keys_max=5), [], 0.0
    for step in steps:
        at += step
        wait = meter.wait("k", most, at)
        if not wait:
            meter.add("k", 1, at)
            granted.append(at)
        else:
            assert not deepcopy(meter).wait("k", most, at + wait + 0.001)
    for one in granted:
        assert len([other for other in granted if one <= other < one + 10]) <= most


def test_a_clock_that_is_set_back_gives_nothing_back():
    meter = Meter(60, keys_max=5)
    meter.add("k", 1, 10_000.0)
    assert meter.wait("k", 1, 1.0) > 0


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [({"bytes": 11}, Refusal.INVALID), ({"target": "x" * 6}, Refusal.INVALID), ({"uid": "third"}, Refusal.TOO_MANY)],
)
def test_what_is_too_much_of_anybody_is_refused_before_anything_else(facts, refusal):
    guard = LimitsGuard(Limits(call_bytes_max=10, call_target_characters_max=5, calls_at_once_max=2))
    call = msgspec.structs.replace(a_call("get"), bytes=10)
    for uid in ("first", "second"):
        assert allowed(decided(guard, msgspec.structs.replace(call, uid=uid)))
    refused = decided(guard, msgspec.structs.replace(call, **facts))
    assert refused.refusal is refusal
    guard.done(msgspec.structs.replace(call, uid="first"))
    assert allowed(decided(guard, msgspec.structs.replace(call, uid="third")))


def test_another_policy_holds_for_callers_who_called_under_the_one_before():
    call = Caller("limits: [{per: [principal], calls: 9, window: 1m}]")
    assert allowed(call())
    call.guard.renew(rules("limits: [{per: [server], calls: 9, window: 1m}, {per: [principal], calls: 1, window: 1m}]"))
    assert [allowed(call()) for _ in range(2)] == [True, False]
    call.guard.renew(rules(""))
    assert allowed(call())
