"""The content guard as transcripts: what judges saw, what policy says, what comes out."""

from typing import Any

import pytest

from bartizan.model.call import Verb
from bartizan.model.decision import ALLOWED, Effect
from bartizan.model.seen import NOTHING_SEEN, Seen, SeenSign, Verdict
from bartizan.prevent.guards.content import NOTE, Content
from fixtures.calls import a_call, rules

POLICY = "servers: {github: {}, wiki: {trust: high}}\n"


def judge(text: str, _origin: Any = None) -> Seen:
    """A judge that knows two words."""
    known: list[tuple[str, Verdict]] = [("EVIL", "malicious"), ("ODD", "suspicious")]
    for word, verdict in known:
        if word in text:
            at = text.index(word)
            return Seen(verdict=verdict, signs=(SeenSign(rule=word.lower(), start=at, end=at + len(word)),))
    return NOTHING_SEEN


def guard(policy: str = "") -> Content:
    return Content(rules(POLICY + policy), judge, lambda definition: judge(str(definition)))


def result(*told: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": one} for one in told]}}


def test_what_nobody_sees_anything_in_is_allowed():
    assert guard().hear(a_call(), result("fine")) is ALLOWED


def test_what_may_be_refused_is_refused_and_the_line_that_would_permit_it_is_named():
    decision = guard().hear(a_call(), result("EVIL"))
    assert decision.effect is Effect.DENY
    assert decision.reason == "malicious result: evil"
    line = "{then: allow, rules: [evil], server: github, tools: [get_file], of: [result]}"
    assert line in decision.exception
    assert guard(f"content: [{line}]").hear(a_call(), result("EVIL")) is ALLOWED


def test_what_a_person_should_see_is_told_to_the_model_as_data():
    decision = guard().hear(a_call(), result("ODD"))
    assert (decision.effect, decision.note) == (Effect.ANNOTATE, NOTE.format("u1"))


def test_what_tells_is_cut_out_where_policy_says_so_and_the_rest_stays():
    decision = guard("content: [{then: redact}]").hear(a_call(), result("before", "an EVIL thing"))
    assert decision.effect is Effect.REDACT
    assert [(edit.pointer, edit.text) for edit in decision.edits] == [
        ("/result/content/1/text", "an ‹removed by the security gateway: evil› thing")
    ]


def test_the_first_line_that_fits_decides():
    policy = "content: [{then: allow, tools: [get_*], trust: low}, {then: deny}]"
    assert guard(policy).hear(a_call("get_file"), result("EVIL")) is ALLOWED
    assert guard(policy).hear(a_call("put_file"), result("EVIL")).effect is Effect.DENY
    assert guard(policy).hear(a_call("get_file", server="wiki"), result("EVIL")).effect is Effect.DENY


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "EVIL"}}, "result"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"EVIL": 1}}}, "result"),
        (
            {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "resource_link", "description": "EVIL"}]}},
            "result",
        ),
        ({"jsonrpc": "2.0", "id": 2, "method": "elicitation/create", "params": {"message": "EVIL"}}, "request"),
    ],
)
def test_every_string_that_a_model_may_read_is_judged(message: dict[str, Any], where: str):
    decision = guard().hear(a_call(), message)
    assert decision.effect is Effect.DENY
    assert decision.reason.startswith(f"malicious {where}")


def test_a_picture_is_no_text():
    picture = {"type": "image", "data": "EVIL", "mimeType": "image/png"}
    assert guard().hear(a_call(), {"jsonrpc": "2.0", "id": 1, "result": {"content": [picture]}}) is ALLOWED


def test_arguments_that_may_be_refused_are_refused_and_odd_ones_pass():
    assert guard().judge(a_call(arguments={"q": {"EVIL": 1}}), ())[1].effect is Effect.DENY  # pyright: ignore[reportIndexIssue]
    assert guard().judge(a_call(arguments={"q": "ODD"}), ())[1] is ALLOWED  # pyright: ignore[reportIndexIssue]


@pytest.mark.mission("K2.prevent")
def test_a_definition_that_may_be_refused_is_hidden():
    call = a_call("", Verb.LIST)
    shown = guard().filter(call, [{"name": "a"}, {"name": "b", "description": "EVIL"}, {"name": "c", "title": "ODD"}])
    assert [one["name"] for one in shown] == ["a", "c"]


def test_a_dry_run_only_notes_it():
    content = Content(rules("servers: {github: {dry_run: true}}"), judge, lambda definition: judge(str(definition)))
    assert content.hear(a_call(), result("EVIL")).dry
    assert len(content.filter(a_call("", Verb.LIST), [{"name": "EVIL"}])) == 1
