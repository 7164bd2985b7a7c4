"""The confirm guard as transcripts: what is asked of a person, what the answer does."""

from typing import Any

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.need import AskPerson, Confirmed, Need
from bartizan.model.ticket import TicketState
from bartizan.prevent.gate import Asked, Decided, Gate
from bartizan.prevent.guards.confirm import Confirm, digest
from fixtures.calls import AT, a_call, rules, who

POLICY = """
servers: {github: {reads: [get_*]}}
confirm:
  - {server: github, tools: ["delete_*"], why: it destroys, wait: 5s, expires: 10m}
  - {server: github, only: writes, when: "args.amount > 100"}
"""


def guard(policy: str = POLICY) -> Confirm:
    return Confirm(
        rules(policy),
        lambda told: {
            name: value.replace("s3cret", "‹mark›") if name == "" else "shown" for name, value in told.items()
        },
    )


def call(target: str = "delete_repo", **facts: Any) -> Call:
    arguments = facts.pop("arguments", {"name": "x"})
    return a_call(target, arguments=arguments, params={"name": target, "arguments": arguments}, **facts)


def asked(outcome: object) -> AskPerson:
    assert isinstance(outcome, Need)
    assert isinstance(outcome.question, AskPerson)
    return outcome.question


YES = Confirmed(granted=True, ticket="T-1", state=TicketState.APPROVED, by="maya")
NO = Confirmed(granted=False, ticket="T-1", state=TicketState.PENDING)


def test_what_policy_does_not_name_passes_unasked():
    assert guard().judge(call("get_file"), ()) == (call("get_file"), ALLOWED)
    assert guard().judge(a_call("", Verb.LIST), ())[1] is ALLOWED  # pyright: ignore[reportIndexIssue]


def test_a_person_is_asked_about_this_very_call_with_what_they_need_to_know():
    question = asked(guard().judge(call(), ()))
    assert question.digest == digest(call())
    assert (question.server, question.target, question.principal) == ("github", "delete_repo", who().id)
    assert (question.reasons, question.arguments) == (("it destroys",), {"name": "shown"})
    assert (question.wait_seconds, question.expires_seconds, question.at) == (5.0, 600.0, AT)


def test_a_secret_in_the_name_of_what_is_called_is_not_kept_in_a_ticket():
    policy = "servers: {github: {}}\nconfirm: [{server: github}]"
    question = asked(guard(policy).judge(call("note-s3cret", client="agent s3cret"), ()))
    assert (question.target, question.client) == ("note-‹mark›", "agent ‹mark›")


def test_yes_lets_it_through_and_says_who_said_so():
    outcome = guard().judge(call(), (YES,))
    assert isinstance(outcome, tuple)
    assert (outcome[1].effect, outcome[1].reason) == (Effect.ALLOW, "ticket T-1: approved by maya")


def test_no_answer_in_time_refuses_and_names_the_ticket():
    outcome = guard().judge(call(), (NO,))
    assert isinstance(outcome, tuple)
    decision = outcome[1]
    assert (decision.effect, decision.refusal, decision.ticket) == (Effect.DENY, Refusal.CONFIRM, "T-1")
    assert decision.exception == "bartizan approvals allow T-1"


def test_a_condition_that_holds_or_cannot_be_worked_out_asks():
    assert guard().judge(call("pay", arguments={"amount": 99}), ())[1] is ALLOWED  # pyright: ignore[reportIndexIssue]
    asked(guard().judge(call("pay", arguments={"amount": 101}), ()))
    asked(guard().judge(call("pay", arguments={"amount": "many"}), ()))
    assert guard().judge(call("get_file", arguments={"amount": 101}), ())[1] is ALLOWED  # pyright: ignore[reportIndexIssue]


def test_the_digest_is_of_what_is_called_and_not_of_how_it_was_sent():
    one = call()
    same = a_call(
        "delete_repo", params={"arguments": {"name": "x"}, "name": "delete_repo", "_meta": {"n": 1}}, uid="u2"
    )
    assert digest(one) == digest(same)
    assert len({digest(one), digest(call(arguments={"name": "y"})), digest(call(server="other"))}) == 3


class Holding:
    """A guard before this one that holds everything."""

    name = "taint"

    def judge(self, call: Call, answers: Any) -> tuple[Call, Decision]:
        return call, Decision(effect=Effect.HOLD, reason="untrusted content was read")

    def filter(self, call: Call, definitions: list[Any]) -> list[Any]:
        return definitions


def test_what_another_guard_holds_a_person_may_free():
    gate = Gate([Holding(), guard()])
    first = gate.judge(call("get_file"), {})
    assert isinstance(first, Asked)
    assert asked(first.need).reasons == ("taint: untrusted content was read",)
    freed = gate.judge(call("get_file"), {"confirm": (YES,)})
    assert isinstance(freed, Decided)
    assert freed.decision.effect is Effect.ALLOW
    refused = gate.judge(call("get_file"), {"confirm": (NO,)})
    assert isinstance(refused, Decided)
    assert (refused.decision.effect, refused.decision.refusal) == (Effect.DENY, Refusal.CONFIRM)


def test_what_is_held_and_nobody_can_free_is_refused():
    outcome = Gate([Holding()]).judge(call("get_file"), {})
    assert isinstance(outcome, Decided)
    assert outcome.decision.effect is Effect.DENY
