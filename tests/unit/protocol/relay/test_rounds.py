"""What a result of the modern era may ask its client."""

from datetime import UTC, datetime

import pytest

from bartizan.model.call import Call, Verb
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.snapshot import Era, Transport
from bartizan.protocol.relay.rounds import check_result

ALL = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}
FORM = {"method": "elicitation/create", "params": {"message": "Who?", "requestedSchema": {"type": "object"}}}
URL = {"method": "elicitation/create", "params": {"mode": "url", "message": "Go", "url": "https://a.example"}}
SAMPLE = {"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}}
ROOTS = {"method": "roots/list", "params": {}}


def call(able: object, method="tools/call") -> Call:
    return Call(
        uid="u", server="s", method=method, verb=Verb.CALL, era=Era.MODERN, revision="2026-07-28",
        transport=Transport.STREAMABLE_HTTP, at=datetime(2026, 11, 20, tzinfo=UTC),
        params={"_meta": {"io.modelcontextprotocol/clientCapabilities": able}},
    )  # fmt: skip


def asking(*questions, **more):
    return {"resultType": "input_required", "inputRequests": {str(n): one for n, one in enumerate(questions)}, **more}


@pytest.mark.parametrize(
    "result",
    [{}, {"content": []}, {"resultType": "complete"}, asking(FORM, URL, SAMPLE, ROOTS), asking(requestState="s"),
     {"resultType": "input_required", "requestState": ""}],
)  # fmt: skip
def test_a_result_that_the_client_can_take_passes(result):
    for method in ("tools/call", "prompts/get", "resources/read"):
        check_result(call(ALL, method), result)


@pytest.mark.parametrize("kind", ["task", "complet", "", None, 1, True, ["complete"]])
def test_A6_a_result_type_that_nobody_defined_is_invalid(kind):
    with pytest.raises(RemoteProtocolError, match="resultType"):
        check_result(call(ALL), {"resultType": kind})


def test_A6_an_extension_of_the_client_may_define_one():
    able = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    check_result(call(able), {"resultType": "task", "taskId": "1"})


@pytest.mark.parametrize("method", ["tools/list", "server/discover", "completion/complete", "subscriptions/listen"])
def test_D1_only_three_methods_may_ask_for_input(method):
    with pytest.raises(RemoteProtocolError, match="cannot ask"):
        check_result(call(ALL, method), asking(FORM))


@pytest.mark.parametrize(
    "result",
    [
        {"resultType": "input_required"},
        {"resultType": "input_required", "requestState": {"a": 1}},
        {"resultType": "input_required", "inputRequests": [FORM]},
        asking({"method": "ping"}),
        asking({"method": "tools/call", "params": {"name": "x"}}),
        asking("elicitation/create"),
        asking({}),
    ],
)
def test_D1_what_asks_for_nothing_or_for_something_else_is_no_result(result):
    with pytest.raises(RemoteProtocolError):
        check_result(call(ALL), result)


@pytest.mark.parametrize("able", [{}, None, {"elicitation": {}}, {"sampling": True, "roots": None}])
@pytest.mark.parametrize("question", [URL, SAMPLE, ROOTS])
def test_D3_a_client_is_asked_only_what_it_said_it_can_take(able, question):
    with pytest.raises(RemoteProtocolError, match="cannot take"):
        check_result(call(able), asking(question))


@pytest.mark.parametrize(
    ("able", "question", "passes"),
    [({}, FORM, True), ({"form": {}}, FORM, True), ({"url": {}}, FORM, False), ({"form": {}}, URL, False),
     ({"url": {}}, URL, True)],
)  # fmt: skip
def test_E1_a_mode_of_elicitation_is_asked_only_where_it_was_declared(able, question, passes):
    if passes:
        return check_result(call({"elicitation": able}), asking(question))
    with pytest.raises(RemoteProtocolError):
        check_result(call({"elicitation": able}), asking(question))
    return None
