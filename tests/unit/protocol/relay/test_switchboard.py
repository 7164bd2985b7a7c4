"""One channel for many requests: who gets which message of the server, and in whose ids."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.limits import Limits
from bartizan.protocol.relay.reading import Arrival, Reading, read
from bartizan.protocol.relay.switchboard import Exchange, IdInUseError, SessionBoard, SharedBoard, unanswered

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def reading(body: bytes, **headers: str) -> Reading:
    named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    arrival = Arrival(uid="u", at=datetime(2026, 11, 20, tzinfo=UTC), server="files")
    done = read("POST", tuple(named.items()), body, arrival)
    assert isinstance(done, Reading), done
    return done


def legacy(body: Any, version: str = "2025-11-25") -> tuple[Reading, bytes]:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return reading(text, mcp_protocol_version=version), text


def modern(
    method: str, identity: str = "1", meta: dict[str, Any] | None = None, **params: Any
) -> tuple[Reading, bytes]:
    """A request whose id stands there as the client wrote it."""
    said = json.dumps({"jsonrpc": "2.0", "method": method, "params": {"_meta": META | (meta or {}), **params}})
    text = (said[:-1] + f', "id":  {identity} }}').encode()
    headers = {"mcp_method": method, "mcp_protocol_version": "2026-07-28"}
    named = params.get("name") or params.get("uri")
    return reading(text, **headers, **({"mcp_name": named} if named else {})), text


def ask(board: Any, request: tuple[Reading, bytes], *, streams: bool = True) -> tuple[Exchange, list[bytes]]:
    return board.ask(*request, streams=streams)


def hear(board: Any, message: Any) -> list[tuple[Exchange | None, bytes]]:
    line = message if isinstance(message, bytes) else json.dumps(message).encode()
    return [(one.exchange, one.message) for one in board.hear(line)]


def result(identity: Any, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "result": {"resultType": "complete", **more}}


def notification(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


# ------------------------------------------------------------------------------------------- a legacy session's channel


def test_a_legacy_message_goes_on_as_it_came_and_so_does_its_answer():
    board = SessionBoard()
    text = b'{ "jsonrpc":"2.0", "id":"a\\u0062", "method":"ping" }'
    exchange, lines = ask(board, legacy(text))
    assert lines == [text]
    assert board.busy
    answer = b'{"id":"ab" , "jsonrpc":"2.0","result":{ }}'
    assert hear(board, answer) == [(exchange, answer)]
    assert exchange.over
    assert not board.busy


def test_line_ends_between_the_tokens_of_a_message_become_blanks():
    _, lines = ask(SessionBoard(), legacy(b'{"jsonrpc":"2.0",\r\n"id":1,\n"method":"ping"}'))
    assert lines == [b'{"jsonrpc":"2.0",  "id":1, "method":"ping"}']


def test_an_id_that_waits_cannot_be_asked_with_again_and_one_that_was_answered_can():
    board = SessionBoard()
    ask(board, legacy(PING))
    with pytest.raises(IdInUseError):
        ask(board, legacy(PING))
    hear(board, result(1))
    ask(board, legacy(PING))


def test_a_batch_is_sent_message_by_message_and_is_over_with_its_last_answer():
    board = SessionBoard()
    batch = [PING, notification("notifications/initialized"), {**PING, "id": 2}]
    exchange, lines = ask(board, legacy(batch, "2025-03-26"))
    assert [json.loads(line) for line in lines] == batch
    assert hear(board, result(2))[0][0] is exchange
    assert not exchange.over
    assert hear(board, result(1))[0][0] is exchange
    assert exchange.over


def test_a_batch_of_the_server_is_placed_message_by_message():
    board = SessionBoard()
    one, _ = ask(board, legacy(PING))
    two, _ = ask(board, legacy({**PING, "id": 2}))
    placed = hear(board, [result(2), result(1), notification("notifications/tools/list_changed")])
    assert [exchange for exchange, _ in placed] == [two, one, None]


def test_progress_goes_to_the_request_that_gave_the_token():
    board = SessionBoard()
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a", "_meta": {"progressToken": "t"}}}
    first, _ = ask(board, legacy(call))
    ask(board, legacy({**PING, "id": 2}))
    progress = notification("notifications/progress", progressToken="t", progress=1)
    assert hear(board, progress)[0][0] is first
    hear(board, result(1))
    assert hear(board, progress)[0][0] is None


def test_what_a_server_asks_goes_with_the_newest_request_or_to_the_session():
    board = SessionBoard()
    question = {"jsonrpc": "2.0", "id": 7, "method": "roots/list"}
    assert hear(board, question)[0][0] is None
    ask(board, legacy(PING))
    newest, _ = ask(board, legacy({**PING, "id": 2}))
    ask(board, legacy({**PING, "id": 3}), streams=False)
    assert hear(board, {**question, "id": 8})[0][0] is newest
    assert hear(board, notification("notifications/message", level="info", data=1))[0][0] is newest
    assert hear(board, notification("notifications/resources/updated", uri="a:b"))[0][0] is None


def test_a_client_answers_only_what_the_server_has_asked_and_once():
    board = SessionBoard()
    answer = {"jsonrpc": "2.0", "id": 7, "result": {}}
    assert ask(board, legacy(answer))[1] == []
    hear(board, {"jsonrpc": "2.0", "id": 7, "method": "roots/list"})
    assert ask(board, legacy({**answer, "id": "7"}))[1] == []
    assert len(ask(board, legacy(answer))[1]) == 1
    assert ask(board, legacy(answer))[1] == []
    assert "3 × an answer of the client that the server has not asked for" in board.faults.summary()


def test_a_server_that_asks_without_end_is_not_heard():
    board = SessionBoard(Limits(server_requests_max=2))
    placed = [hear(board, {"jsonrpc": "2.0", "id": number, "method": "roots/list"}) for number in range(3)]
    assert [len(one) for one in placed] == [1, 1, 0]


def test_a_legacy_client_that_is_gone_has_cancelled_nothing_and_its_late_answer_goes_to_nobody():
    board = SessionBoard()
    exchange, _ = ask(board, legacy(PING))
    assert board.leave(exchange) == []
    assert not board.busy
    assert hear(board, result(1)) == []
    assert "nobody waits for" in board.faults.summary()


@pytest.mark.parametrize(
    "line",
    [
        b"Server started",
        b"\xff",
        b'{"jsonrpc":"2.0","id":1,"id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":true,"result":{}}',
        b'{"jsonrpc":"2.0","id":2,"result":{}}',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"result":NaN}',
        b"[]",
        b"[1]",
    ],
)
def test_what_is_no_message_or_nobodys_answer_is_passed_to_nobody(line: bytes):
    board = SessionBoard()
    ask(board, legacy(PING))
    assert hear(board, line) == []
    assert board.busy
    assert board.faults.summary() or line == b"[]"


# ------------------------------------------------------------------------------------- the channel of modern requests


def test_ids_of_clients_that_are_the_same_do_not_meet_and_come_back_as_they_were_written():
    board = SharedBoard()
    first, one = ask(board, modern("tools/list", "7"))
    second, two = ask(board, modern("tools/list", "7"))
    third, three = ask(board, modern("tools/list", '"\\u0037"'))
    ids = [json.loads(lines[0])["id"] for lines in (one, two, three)]
    assert len(set(ids)) == 3
    told = b'{"result": {"tools" :[],  "x":1.50} ,"id":%d, "jsonrpc":"2.0"}'
    for exchange, identity, spelt in ((third, ids[2], b'"\\u0037"'), (first, ids[0], b"7"), (second, ids[1], b"7")):
        assert hear(board, told % identity) == [(exchange, told.replace(b"%d", spelt))]
    assert not board.busy


def test_only_the_id_of_a_request_changes():
    request = modern("tools/call", '"a"', name="x", arguments={"id": 5, "n": 1.0, "s": "\u00e4"})
    (line,) = ask(SharedBoard(), request)[1]
    assert line == request[1].replace(b'"id":  "a"', b'"id":  1')


def test_progress_tokens_of_clients_do_not_meet_either():
    board = SharedBoard()
    call = {"name": "x", "meta": {"progressToken": "t"}}
    first, one = ask(board, modern("tools/call", **call))
    second, two = ask(board, modern("tools/call", **call))
    for exchange, lines in ((second, two), (first, one)):
        token = json.loads(lines[0])["params"]["_meta"]["progressToken"]
        ((heard, message),) = hear(board, notification("notifications/progress", progressToken=token, progress=1))
        assert heard is exchange
        assert json.loads(message)["params"]["progressToken"] == "t"


def test_a_subscription_is_named_by_the_clients_own_id_in_all_that_it_gets():
    board = SharedBoard()
    ask(board, modern("subscriptions/listen", '"s"', notifications={"toolsListChanged": True}))
    second, lines = ask(board, modern("subscriptions/listen", '"s"', notifications={"toolsListChanged": True}))
    own = json.loads(lines[0])["id"]
    changed = notification("notifications/tools/list_changed", _meta={SUBSCRIPTION: own})
    ((heard, message),) = hear(board, changed)
    assert heard is second
    assert json.loads(message)["params"]["_meta"][SUBSCRIPTION] == "s"
    ((_, last),) = hear(board, result(own, _meta={SUBSCRIPTION: own}))
    assert (json.loads(last)["id"], json.loads(last)["result"]["_meta"][SUBSCRIPTION]) == ("s", "s")


def test_a_server_may_end_a_subscription_and_no_other_request():
    board = SharedBoard()
    listening, lines = ask(board, modern("subscriptions/listen", "5", notifications={}))
    other, more = ask(board, modern("tools/list", "6"))
    ended = notification("notifications/cancelled", requestId=json.loads(lines[0])["id"])
    ((heard, message),) = hear(board, ended)
    assert (heard, json.loads(message)["params"]["requestId"]) == (listening, 5)
    assert listening.over
    assert hear(board, notification("notifications/cancelled", requestId=json.loads(more[0])["id"])) == []
    assert not other.over


def test_a_log_message_goes_to_the_only_request_that_wants_it():
    board = SharedBoard()
    ask(board, modern("tools/list"))
    log = notification("notifications/message", level="info", data="x")
    assert hear(board, log) == []
    wants, _ = ask(board, modern("tools/list", meta={"io.modelcontextprotocol/logLevel": "info"}))
    assert [exchange for exchange, _ in hear(board, log)] == [wants]
    ask(board, modern("tools/list", meta={"io.modelcontextprotocol/logLevel": "info"}))
    assert hear(board, log) == []


def test_B4_a_request_of_a_server_goes_to_nobody_in_the_modern_era():
    board = SharedBoard()
    ask(board, modern("tools/list"))
    assert hear(board, {"jsonrpc": "2.0", "id": 1, "method": "roots/list"}) == []
    assert "which the modern era does not have" in board.faults.summary()


def test_B6_a_modern_client_that_is_gone_has_cancelled():
    board = SharedBoard()
    ask(board, modern("tools/list"))
    exchange, lines = ask(board, modern("tools/call", name="x"))
    (told,) = board.leave(exchange)
    assert json.loads(told)["method"] == "notifications/cancelled"
    assert json.loads(told)["params"]["requestId"] == json.loads(lines[0])["id"]
    assert hear(board, result(json.loads(lines[0])["id"])) == []


def test_a_modern_notification_reaches_no_other_clients_request():
    board = SharedBoard()
    text = json.dumps(notification("notifications/cancelled", requestId=1)).encode()
    assert ask(board, (reading(text, mcp_protocol_version="2026-07-28"), text))[1] == []


def test_what_stays_unanswered_gets_an_error_in_the_clients_own_id():
    exchange, _ = ask(SharedBoard(), modern("tools/list", '"\\u0061"'))
    (message,) = unanswered(exchange, "over")
    assert b'"id":"\\u0061"' in message
    assert json.loads(message)["error"]["message"] == "over"


texts = st.text(max_size=8)
ids = st.one_of(st.integers(), texts)


@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_every_client_gets_its_own_answer_with_its_own_id_and_nothing_else(asked: list[tuple[Any, Any]], random: Any):
    board = SharedBoard()
    under_way = []
    for identity, token in asked:
        spelt = json.dumps(identity, ensure_ascii=random.random() < 0.5)
        exchange, (line,) = ask(board, modern("tools/call", spelt, meta={"progressToken": token}, name="x"))
        under_way.append((exchange, identity, token, json.loads(line)))
    random.shuffle(under_way)
    for exchange, identity, token, sent in under_way:
        progress = notification("notifications/progress", progressToken=sent["params"]["_meta"]["progressToken"])
        ((heard, message),) = hear(board, progress)
        assert (heard, json.loads(message)["params"]["progressToken"]) == (exchange, token)
        ((heard, message),) = hear(board, result(sent["id"]))
        assert (heard, json.loads(message)) == (exchange, result(identity))
        assert hear(board, result(sent["id"])) == []
    assert not board.busy


@given(st.binary(max_size=60), st.booleans())
def test_whatever_a_server_writes_is_placed_or_counted(line: bytes, shared: bool):
    board = SharedBoard() if shared else SessionBoard()
    ask(board, modern("tools/list") if shared else legacy(PING))
    for exchange, _ in hear(board, line):
        assert exchange is None or not shared
