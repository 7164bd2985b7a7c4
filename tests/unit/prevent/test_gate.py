"""The gate as transcripts: who was asked, what they said, what came out."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Edit, Effect, Refusal
from bartizan.model.need import Count, Counted, Need, Take
from bartizan.model.principal import Principal, Proof
from bartizan.model.snapshot import Era, Transport
from bartizan.prevent.gate import ORDER, Asked, Decided, Gate

CALL = Call(
    uid="u1",
    server="files",
    method="tools/call",
    verb=Verb.CALL,
    target="echo",
    arguments={"a": 1},
    era=Era.MODERN,
    revision="2026-07-28",
    transport=Transport.STREAMABLE_HTTP,
    at=datetime(2026, 11, 20, tzinfo=UTC),
)
ALICE = Principal(id="i|alice", proof=Proof.TOKEN)
DENY = Decision(effect=Effect.DENY, reason="no")
NEED = Need(question=Count(takes=(Take(key="k", window_seconds=1, most=1),)))


class Scripted:
    """A guard that says what the test wrote, and notes what it was asked."""

    def __init__(self, name, said: Any = ALLOWED, log: Any = None, shows=None):
        self.name, self.said, self.log, self.shows = name, said, [] if log is None else log, shows

    def judge(self, call, answers) -> Any:
        self.log.append((self.name, call.principal.id if call.principal else ""))
        said = self.said(call, answers) if callable(self.said) else self.said
        return said if isinstance(said, Need | tuple) else (call, said)

    def filter(self, call, definitions) -> Any:
        return self.shows(definitions) if self.shows else definitions


def decided(*guards, answers=None) -> Decided:
    outcome = Gate(guards).judge(CALL, answers or {})
    assert isinstance(outcome, Decided)
    return outcome


def test_guards_are_asked_in_the_fixed_order_however_they_were_given():
    log = []
    decided(*[Scripted(name, log=log) for name in reversed(ORDER)])
    assert [name for name, _ in log] == list(ORDER)


def test_two_guards_of_one_name_or_one_without_a_place_are_no_gate():
    for names in (("rate", "rate"), ("other",)):
        with pytest.raises(ValueError, match="guards"):
            Gate([Scripted(name) for name in names])


def test_without_guards_everything_is_allowed():
    assert decided().decision is ALLOWED


def test_the_first_deny_ends_it_and_later_guards_spend_nothing():
    log = []
    outcome = decided(Scripted("identity", log=log), Scripted("access", DENY, log), Scripted("rate", log=log))
    assert (outcome.decision.effect, outcome.decision.guard) == (Effect.DENY, "access")
    assert [name for name, _ in log] == ["identity", "access"]


def test_a_guard_that_fails_denies():
    def broken(_call, _answers):
        raise KeyError("a secret of the guard")

    decision = decided(Scripted("access", broken)).decision
    assert (decision.effect, decision.refusal) == (Effect.DENY, Refusal.UNAVAILABLE)
    assert "secret" not in decision.reason


def test_a_dry_deny_is_noted_and_does_not_win():
    dry = msgspec.structs.replace(DENY, dry=True)
    outcome = decided(Scripted("access", dry), Scripted("rate"))
    assert outcome.decision.effect is Effect.ALLOW
    assert [one.dry for one in outcome.decisions] == [True, False]


def test_who_asks_is_known_to_the_guards_behind_identity():
    log = []

    def alice(call, _answers):
        return msgspec.structs.replace(call, principal=ALICE), ALLOWED

    outcome = decided(Scripted("identity", alice, log), Scripted("access", log=log))
    assert log == [("identity", ""), ("access", "i|alice")]
    assert outcome.call.principal == ALICE


def test_no_guard_can_change_what_is_asked():
    def another(call, _answers):
        return msgspec.structs.replace(call, target="rm", arguments={}), ALLOWED

    assert decided(Scripted("access", another)).call == CALL


def test_a_need_is_asked_and_the_answer_goes_to_the_guard_that_asked():
    def counting(_call, answers):
        return (ALLOWED if answers[0].granted else DENY) if answers else NEED

    gate = Gate([Scripted("rate", counting), Scripted("identity")])
    assert gate.judge(CALL, {}) == Asked(guard="rate", need=NEED)
    for granted, effect in ((True, Effect.ALLOW), (False, Effect.DENY)):
        outcome = gate.judge(CALL, {"rate": [Counted(granted=granted)]})
        assert isinstance(outcome, Decided)
        assert outcome.decision.effect is effect


@pytest.mark.parametrize("effect", [Effect.HOLD, Effect.REDACT])
def test_what_cannot_be_carried_out_is_refused(effect):
    assert decided(Scripted("access", Decision(effect=effect))).decision.effect is Effect.DENY


def test_a_hidden_tool_is_refused_as_if_it_did_not_exist():
    decision = decided(Scripted("access", Decision(effect=Effect.HIDE))).decision
    assert (decision.effect, decision.refusal) == (Effect.DENY, Refusal.NOT_FOUND)


def test_a_list_shows_what_every_guard_shows():
    definitions = [{"name": "a"}, {"name": "b"}, {"name": "c"}, "no object"]
    gate = Gate([Scripted("access", shows=lambda all_: all_[:2]), Scripted("pin", shows=lambda all_: all_[1:])])
    assert gate.visible(CALL, definitions) == [False, True, False, False]
    assert Gate([]).visible(CALL, definitions) is None


def test_a_guard_that_fails_on_a_list_shows_nothing_and_one_that_rewrites_shows_nothing_new():
    def broken(_definitions):
        raise ValueError

    assert Gate([Scripted("access", shows=broken)]).visible(CALL, [{"name": "a"}]) == [False]
    assert Gate([Scripted("access", shows=lambda _: [{"name": "a"}])]).visible(CALL, [{"name": "a"}]) == [False]


def test_a_guard_that_holds_something_is_told_of_the_end():
    ended = []
    guard: Any = Scripted("limits")
    guard.done = lambda call: ended.append(call.uid)
    Gate([guard, Scripted("rate")]).done(CALL)
    assert ended == ["u1"]


class Listening(Scripted):
    """A guard that listens to servers."""

    def __init__(self, name, heard):
        super().__init__(name)
        self.heard = heard

    def hear(self, _call, message) -> Decision:
        return self.heard(message)


SECRET = {"result": {"content": [{"type": "text", "text": "the key is xyz"}]}}
WHERE = "/result/content/0/text"


def marks(message) -> Decision:
    text = message["result"]["content"][0]["text"]
    if "xyz" not in text:
        return ALLOWED
    return Decision(effect=Effect.REDACT, edits=(Edit(pointer=WHERE, text=text.replace("xyz", "‹key›")),))


def test_nobody_listens_unless_a_guard_does():
    assert Gate([Scripted("access")]).hear(CALL, SECRET) is None


def test_a_guard_judges_what_the_guards_before_it_left_of_an_answer():
    seen = []
    gate = Gate([Listening("redact", marks), Listening("content", lambda message: seen.append(message) or ALLOWED)])
    heard = gate.hear(CALL, SECRET)
    assert heard is not None
    assert heard.decision.effect is Effect.REDACT
    assert [edit.text for edit in heard.edits] == ["the key is ‹key›"]
    assert [one["result"]["content"][0]["text"] for one in seen] == ["the key is xyz", "the key is ‹key›"]


def test_an_answer_that_still_asks_to_be_rewritten_is_refused():
    again = Decision(effect=Effect.REDACT, edits=(Edit(pointer=WHERE, text="again"),))
    heard = Gate([Listening("redact", lambda _message: again)]).hear(CALL, SECRET)
    assert heard is not None
    assert heard.decision.effect is Effect.DENY


def test_a_guard_that_fails_on_an_answer_refuses_it():
    def broken(_message):
        raise KeyError("x")

    heard = Gate([Listening("content", broken)]).hear(CALL, SECRET)
    assert heard is not None
    assert (heard.decision.effect, heard.decision.refusal) == (Effect.DENY, Refusal.UNAVAILABLE)


def test_what_was_only_noted_of_an_answer_changes_nothing():
    noted = Decision(effect=Effect.DENY, dry=True, note="x", edits=(Edit(pointer=WHERE, text="y"),))
    heard = Gate([Listening("content", lambda _message: noted)]).hear(CALL, SECRET)
    assert heard is not None
    assert (heard.decision, heard.edits, heard.notes, len(heard.decisions)) == (ALLOWED, (), (), 1)


@pytest.mark.parametrize("effect", [Effect.HOLD, Effect.HIDE])
def test_what_cannot_be_done_with_an_answer_refuses_it(effect):
    heard = Gate([Listening("content", lambda _message: Decision(effect=effect))]).hear(CALL, SECRET)
    assert heard is not None
    assert heard.decision.effect is Effect.DENY
