"""The redact guard as transcripts: what is found, what stands there instead."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.decision import ALLOWED, Decision, Effect
from bartizan.prevent.guards.redact import Redact
from bartizan.prevent.texts import Joined, Text, texts
from bartizan.protocol.relay.editing import replaced
from fixtures.calls import a_call, rules

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9" * 2


def guard(policy: str = "") -> Redact:
    return Redact(rules("servers: {github: {}}\n" + policy), lambda kind, value: f"‹{kind} {len(value)}›")


def judged(policy: str, **arguments: Any) -> Decision:
    call = a_call(arguments=arguments, params={"name": "get_file", "arguments": arguments})
    outcome = guard(policy).judge(call, ())
    assert isinstance(outcome, tuple)
    return outcome[1]


def message(value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": value}}


def test_a_secret_that_a_client_sends_is_refused_unless_policy_says_otherwise():
    assert judged("", q=TOKEN).effect is Effect.DENY
    assert judged("redact: {arguments: pass}", q=TOKEN) is ALLOWED
    assert judged("redact: {never: [github]}", q=TOKEN) is ALLOWED
    assert judged("", q="nothing") is ALLOWED


def test_a_secret_in_arguments_becomes_a_mark_where_policy_says_so():
    decision = judged("redact: {arguments: redact}", q=["x", f"a {TOKEN} b"])
    assert [(edit.pointer, edit.text) for edit in decision.edits] == [
        ("/params/arguments/q/1", "a ‹github-token 40› b")
    ]


def test_secrets_in_answers_become_marks_in_names_of_members_too():
    said = message({"env": {TOKEN: f"x{TOKEN[4:]} {TOKEN}"}})
    decision = guard().hear(a_call(), said)
    assert decision.effect is Effect.REDACT
    after = json.dumps(replaced(said, decision.edits), ensure_ascii=False)
    assert TOKEN not in after
    assert after.count("‹github-token 40›") == 2


def test_personal_data_becomes_a_mark_by_the_expressions_of_policy():
    policy = r"redact: {personal: {email: '[a-z.]+@[a-z.]+'}}"
    decision = guard(policy).hear(a_call(), message(["to ann@example.org and bob@example.org"]))
    assert [edit.text for edit in decision.edits] == ["to ‹email 15› and ‹email 15›"]


def test_what_is_marked_is_not_marked_again():
    said = message({"a": f"token {TOKEN}", TOKEN: 1})
    once = replaced(said, guard().hear(a_call(), said).edits)
    assert guard().hear(a_call(), once) is ALLOWED


@given(st.lists(st.text("ab", max_size=5), min_size=1, max_size=6), st.data())
def test_spans_of_the_whole_are_those_of_its_parts(told: list[str], data: st.DataObject):
    joined = Joined([Text(f"/{n}", one) for n, one in enumerate(told)])
    start = data.draw(st.integers(0, len(joined.text)))
    end = data.draw(st.integers(start, len(joined.text)))
    inside = "".join(told[number][one:two] for number, one, two in joined.spans(start, end))
    assert inside == joined.text[start:end].replace("\n", "")


def test_every_string_has_its_place():
    assert texts({"a": ["x", {"b": "y"}], "n": 1}, "/result") == [
        Text("/result/a", "a", key=True),
        Text("/result/a/0", "x"),
        Text("/result/a/1/b", "b", key=True),
        Text("/result/a/1/b", "y"),
        Text("/result/n", "n", key=True),
    ]
