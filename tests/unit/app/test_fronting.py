"""Which servers are fronted: what policy does not accept is refused, and what did not answer is no way around."""

import asyncio
from typing import Any

import pytest

from bartizan.app.fronting import Fronting
from bartizan.app.identity import answer
from bartizan.app.senders import Wrapped
from bartizan.model.decision import Effect, Refusal
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.need import Need, Reach, Reached
from bartizan.model.policy import Exposure
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.prevent.exposure import refusal
from bartizan.prevent.guards.access import Access
from fixtures.calls import a_call, rules

OPEN = Reached(found={Exposure.UNAUTHENTICATED: "it answers without credentials"})
WORSE = Reached(found={**OPEN.found, Exposure.EXPOSED: "it is reached at 10.1.2.3 in the clear"})
PERMIT = """
roles: {dev: [{group: engineering}]}
allow: [{role: dev, server: github, tools: ["*"], may: write}]
"""


class Upstreams:
    """What a look finds, by URL: an answer, or an error."""

    def __init__(self, **found):
        self.found, self.looks = found, []

    async def __call__(self, url):
        self.looks.append(url)
        await asyncio.sleep(0)
        found = self.found[url]
        if isinstance(found, Exception):
            raise found
        return found


def fronting(upstreams, *names, limits=None):
    return Fronting({name: name for name in names}, upstreams, limits or Limits())


def decided(policy, reached) -> Any:
    judged = Access(rules(PERMIT + policy), lambda _server: reached).judge(a_call(), ())
    return judged if isinstance(judged, Need) else judged[1]


@pytest.mark.parametrize(
    ("policy", "reached", "effect"),
    [
        ("", Reached(), Effect.ALLOW),
        ("", OPEN, Effect.DENY),
        ("servers: {github: {accepts: [exposed]}}", OPEN, Effect.DENY),
        ("servers: {github: {accepts: [unauthenticated]}}", OPEN, Effect.ALLOW),
        ("servers: {github: {accepts: [unauthenticated]}}", WORSE, Effect.DENY),
        ("servers: {github: {accepts: [unauthenticated, exposed]}}", WORSE, Effect.ALLOW),
        ("servers: {other: {accepts: [unauthenticated]}}", OPEN, Effect.DENY),
    ],
)
def test_only_what_policy_names_is_accepted_and_of_that_server_alone(policy, reached, effect):
    assert decided(policy, reached).effect is effect


def test_a_refusal_names_what_is_wrong_and_the_line_that_would_permit_it():
    refused = decided("servers:\n  github: {accepts: [exposed]}", WORSE)
    assert refused.refusal is Refusal.UNAVAILABLE
    assert refused.reason == "github is reached around the gateway: it answers without credentials"
    assert refused.exception == "p.yml:5: `accepts: [exposed, unauthenticated]`"
    assert decided("", OPEN).exception == "add under `servers`: github: {accepts: [unauthenticated]}"


def test_who_may_not_use_a_server_makes_nobody_look_at_it():
    assert isinstance(decided("", None), Need)
    guard = Access(rules("roles: {}"), lambda _server: None)
    judged = guard.judge(a_call(), ())
    assert not isinstance(judged, Need)
    assert judged[1].refusal is Refusal.NOT_FOUND


def test_in_a_dry_run_it_is_noted():
    noted = decided("servers: {github: {dry_run: true}}", OPEN)
    assert (noted.effect, noted.dry) == (Effect.DENY, True)


def test_every_server_is_looked_at_once_and_what_is_accepted_whole_not_at_all():
    upstreams = Upstreams(a=Reached(), b=OPEN, c=ConnectionError("connection refused"))
    known = fronting(upstreams, "a", "b", "c", "d")
    policy = rules("servers: {d: {accepts: [unauthenticated, exposed]}}")
    told = asyncio.run(known.look(policy))
    assert sorted(upstreams.looks) == ["a", "b", "c"]
    assert told == {
        "b": "b is not fronted: b is reached around the gateway: it answers without credentials\n"
        "  To permit it: add under `servers`: b: {accepts: [unauthenticated]}",
        "c": "c is not fronted until it answers and was looked at: connection refused",
    }
    assert (known.known("a"), known.known("b"), known.known("c")) == (Reached(), OPEN, None)


def test_what_was_down_is_looked_at_when_it_is_called_once_for_all_and_not_at_every_call():
    async def run():
        upstreams = Upstreams(a=ConnectionError("connection refused"))
        known = fronting(upstreams, "a", limits=Limits(reach_again_seconds=0.05))
        asked = Reach(server="a")
        for _ in range(3):
            with pytest.raises(OSError, match=r"refused|a moment ago"):
                await answer(asked, None, reached=known.reached)  # type: ignore[arg-type] - nobody asks for a token
        assert upstreams.looks == ["a"]
        upstreams.found["a"] = OPEN
        await asyncio.sleep(0.06)
        found = await asyncio.gather(*(answer(asked, None, reached=known.reached) for _ in range(5)))  # type: ignore[arg-type]
        assert (found, upstreams.looks) == ([OPEN] * 5, ["a", "a"])

    asyncio.run(run())


def test_who_no_longer_waits_does_not_end_the_look_of_the_others():
    async def run():
        known = fronting(Upstreams(a=OPEN), "a")
        first = asyncio.create_task(known.reached("a"))
        await asyncio.sleep(0)
        first.cancel()
        assert await known.reached("a") == OPEN

    asyncio.run(run())


def test_what_does_not_answer_at_a_reload_is_not_known_any_more():
    upstreams = Upstreams(a=Reached())
    known = fronting(upstreams, "a")
    asyncio.run(known.look(rules("")))
    upstreams.found["a"] = ConnectionError("connection refused")
    assert "a" in asyncio.run(known.look(rules("")))
    assert known.known("a") is None


def test_a_child_of_the_gateway_is_reached_by_nobody_else():
    known = Fronting({"a": ""}, Upstreams(), Limits())
    assert asyncio.run(known.look(rules(""))) == {}
    assert refusal(rules(""), "a", known.known("a") or OPEN) is None


def test_a_wrapped_server_is_looked_at_and_forgotten_when_another_may_have_its_name():
    async def run():
        stamps, launches = [1], {"w": Launch(transport=Transport.STREAMABLE_HTTP, url=Secret("first"))}
        upstreams = Upstreams(first=Reached(), second=OPEN)
        known = Fronting({}, upstreams, Limits(reach_again_seconds=0), _wrapped(stamps, launches))
        assert (known.known("w"), await known.reached("w"), known.known("w")) == (None, Reached(), Reached())
        stamps[0], launches["w"] = 2, Launch(transport=Transport.STREAMABLE_HTTP, url=Secret("second"))
        assert (known.known("w"), await known.reached("w")) == (None, OPEN)
        launches["c"] = Launch(transport=Transport.STDIO, command=(Secret("x"),))
        assert await known.reached("c") == Reached()

    asyncio.run(run())


def _wrapped(stamps, launches):
    return Wrapped(stamp=lambda: stamps[0], launches=lambda: launches)
