"""The listing session as transcripts: what came in, what must go out, how the looks ended."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.model.coverage import Outcome
from bartizan.model.errors import LocalProtocolError
from bartizan.model.limits import Limits
from bartizan.model.snapshot import Era
from bartizan.protocol import ladder, mcp
from bartizan.protocol.effects import Finished, Send
from bartizan.protocol.ladder import State, Turn
from bartizan.protocol.listing import Listing

LIMITS = Limits(
    discover_seconds_max=10, start_seconds_max=45, request_seconds_max=20, probe_seconds_max=100,
    unreadable_seconds_max=2, pages_max=5, definitions_max=8, messages_max=50, faults_max=3,
)  # fmt: skip
EVERYTHING = {"tools": {}, "prompts": {}, "resources": {}}
DISCOVERED = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
INITIALIZED = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s"}}


class Playbook:
    """A session and its clock. `sent` are the messages that went out with the last step, decoded."""

    def __init__(self, limits: Limits = LIMITS, first: Era = Era.MODERN) -> None:
        self.session, self.now = Listing(limits, first=first), 0.0
        self.messages, self.sent = [], []
        self._take(self.session.start(self.now))

    def _take(self, effects) -> None:
        self.messages = [effect.message for effect in effects if isinstance(effect, Send)]
        self.sent = [json.loads(message.body) for message in self.messages]
        self.finished = Finished() in effects

    def says(self, value) -> list[str]:
        """The server says something; gives the methods that we answer with."""
        self._take(self.session.receive(value if isinstance(value, bytes) else json.dumps(value).encode(), self.now))
        return [message.get("method", "answer") for message in self.sent]

    def answers(self, result, to: int | None = None) -> list[str]:
        return self.says({"jsonrpc": "2.0", "id": to or self.session._pending, "result": result})

    def refuses(self, code: int, to: int | None = None, **more) -> list[str]:
        error = {"code": code, "message": "no", **more}
        return self.says({"jsonrpc": "2.0", "id": to or self.session._pending, "error": error})

    def waits(self, seconds: float) -> list[str]:
        self.now += seconds
        self._take(self.session.elapse(self.now))
        return [message.get("method", "answer") for message in self.sent]

    def look(self, part: str):
        return next((look.outcome, look.reason) for look in self.session.looks() if look.part == part)


def test_modern_server_is_asked_without_a_handshake():
    book = Playbook()
    assert book.sent[0]["method"] == "server/discover"
    assert book.sent[0]["params"]["_meta"] == {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": mcp.CLIENT_INFO,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    assert book.answers(DISCOVERED) == ["tools/list"]
    assert "_meta" in book.sent[0]["params"]
    assert (book.messages[0].era, book.messages[0].protocol_version) == (Era.MODERN, "2026-07-28")
    assert book.answers({"tools": [{"name": "a", "odd": 1.0}], "resultType": "complete"}) == []
    assert book.finished
    assert book.session.pages["tools"].definitions == [{"name": "a", "odd": 1.0}]
    assert book.look("tools") == (Outcome.LOOKED, "")
    assert book.look("prompts")[0] is Outcome.ABSENT


@pytest.mark.parametrize("code", [-32601, -32602, -32600, -32000, 0, 1, -32002])
def test_any_other_error_means_a_legacy_server(code):
    book = Playbook()
    assert book.refuses(code) == ["initialize"]
    assert book.sent[0]["params"]["protocolVersion"] == "2025-11-25"
    assert book.messages[0].protocol_version == ""
    assert book.answers(INITIALIZED) == ["notifications/initialized", "tools/list"]
    assert "params" not in book.sent[1]
    assert book.session.version == book.messages[1].protocol_version == "2025-06-18"


@pytest.mark.parametrize("odd", [{}, {"supportedVersions": []}, {"supportedVersions": "2026-07-28"}, {"tools": []}])
def test_odd_answer_to_the_modern_opening_means_a_legacy_server(odd):
    assert Playbook().answers(odd) == ["initialize"]


def test_error_without_an_id_means_a_legacy_server():
    assert Playbook().says({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "?"}}) == ["initialize"]


def test_silence_means_a_legacy_server_after_a_short_while():
    book = Playbook()
    assert book.waits(9.9) == []
    assert book.waits(0.2) == ["initialize"]
    assert book.answers(INITIALIZED) == ["notifications/initialized", "tools/list"]


def test_late_modern_answer_opens_the_session_when_the_handshake_is_refused():
    book = Playbook()
    book.waits(10)
    assert book.answers(DISCOVERED, to=1) == []
    assert book.refuses(-32601, to=2) == ["tools/list"]
    assert (book.session.era, book.session.version) == (Era.MODERN, "2026-07-28")


def test_late_modern_answer_opens_the_session_when_the_handshake_stays_unanswered():
    book = Playbook()
    book.waits(10)
    book.answers(DISCOVERED, to=1)
    assert book.waits(45) == ["tools/list"]


def test_handshake_decides_over_a_late_refusal_of_the_modern_opening():
    book = Playbook()
    book.waits(10)
    assert book.refuses(-32601, to=1) == []
    assert book.answers(INITIALIZED) == ["notifications/initialized", "tools/list"]
    assert book.session.faults.summary() == ""


def test_unsupported_version_that_names_legacy_ones_is_followed_by_the_newest_we_share():
    book = Playbook()
    assert book.refuses(-32022, data={"supported": ["1900-01-01", "2025-03-26", "2025-06-18"]}) == ["initialize"]
    assert book.sent[0]["params"]["protocolVersion"] == "2025-06-18"


def test_server_that_refuses_the_version_it_supports_is_not_asked_for_ever():
    book = Playbook()
    assert book.refuses(-32022, data={"supported": ["2026-07-28"]}) == []
    assert book.look("discover") == (Outcome.FAILED, "refuses the protocol version that it says it supports")


@pytest.mark.parametrize("code", [-32020, -32021])
def test_other_modern_error_is_not_answered_with_a_handshake(code):
    book = Playbook()
    assert book.refuses(code) == []
    assert book.look("discover")[0] is book.look("tools")[0] is Outcome.FAILED


def test_no_common_version_is_said():
    book = Playbook()
    assert book.answers({"supportedVersions": ["2099-01-01"], "capabilities": {}}) == []
    assert book.look("discover") == (Outcome.FAILED, "speaks no protocol version that this release knows")


def test_unknown_legacy_version_is_looked_at_and_said():
    book = Playbook(first=Era.LEGACY)
    assert book.answers({**INITIALIZED, "protocolVersion": "2031-01-01"}) == ["notifications/initialized", "tools/list"]
    book.answers({"tools": []})
    assert book.look("discover")[0] is Outcome.FAILED
    assert book.look("tools")[0] is Outcome.LOOKED


def test_all_lists_are_asked_for_that_capabilities_declare():
    book = Playbook(first=Era.LEGACY)
    assert book.answers({**INITIALIZED, "capabilities": EVERYTHING})[1] == "tools/list"
    assert book.answers({"tools": []}) == ["prompts/list"]
    assert book.answers({"prompts": [1]}) == ["resources/list"]
    assert book.answers({"resources": []}) == ["resources/templates/list"]
    assert book.refuses(-32601) == []
    assert book.finished
    assert book.look("resource_templates")[0] is Outcome.ABSENT


def test_server_without_capabilities_is_asked_for_everything():
    book = Playbook(first=Era.LEGACY)
    assert book.answers({"protocolVersion": "2025-06-18"})[1] == "tools/list"
    assert book.refuses(-32601) == ["prompts/list"]
    assert book.look("tools")[0] is Outcome.FAILED
    assert book.look("discover")[0] is Outcome.FAILED


def listing() -> Playbook:
    book = Playbook()
    book.answers(DISCOVERED)
    return book


def test_pages_are_followed_and_an_empty_cursor_is_one():
    book = listing()
    assert book.answers({"tools": [1], "nextCursor": ""}) == ["tools/list"]
    assert book.sent[0]["params"]["cursor"] == ""
    assert book.answers({"tools": [2], "nextCursor": "x"}) == ["tools/list"]
    assert book.answers({"tools": [3], "nextCursor": None}) == []
    assert book.session.pages["tools"].definitions == [1, 2, 3]
    assert book.look("tools")[0] is Outcome.LOOKED


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([{"tools": [1], "nextCursor": "a"}, {"tools": [2], "nextCursor": "a"}], "circle"),
        ([{"tools": [1], "nextCursor": 5}], "not a string"),
        ([{"tools": list(range(9))}], "definitions_max"),
        ([{"tools": [1], "nextCursor": str(number)} for number in range(5)], "pages_max"),
        ([{"tools": [1], "nextCursor": "a"}, {"tools": {}}], "no list"),
        ([{"tools": [1], "nextCursor": "a"}, {"resultType": "input_required", "tools": []}], "not `complete`"),
    ],
)
def test_list_that_cannot_be_read_to_its_end_is_truncated(results, reason):
    book = listing()
    for result in results:
        book.answers(result)
    assert book.finished
    assert book.look("tools")[0] is Outcome.TRUNCATED
    assert reason in book.look("tools")[1]
    assert book.session.pages["tools"].definitions


def test_modern_server_gets_no_answer_to_a_request():
    book = listing()
    assert book.says({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}}) == []
    assert book.look("protocol")[0] is Outcome.FAILED


@pytest.mark.parametrize(
    "method", ["sampling/createMessage", "elicitation/create", "roots/list", "no/such", "tools/call"]
)
def test_legacy_server_that_asks_for_more_than_a_ping_is_refused_and_it_is_noted(method):
    book = Playbook(first=Era.LEGACY)
    book.answers(INITIALIZED)
    assert book.says({"jsonrpc": "2.0", "id": "s1", "method": method}) == ["answer"]
    assert (book.sent[0]["id"], book.sent[0]["error"]["code"]) == ("s1", -32601)
    assert book.look("protocol") == (Outcome.LOOKED, f"1 × asked us for {method}, and was refused")


def test_ping_is_answered():
    book = Playbook(first=Era.LEGACY)
    book.says({"jsonrpc": "2.0", "id": 77, "method": "ping"})
    assert book.sent == [{"jsonrpc": "2.0", "id": 77, "result": {}}]
    assert "protocol" not in {look.part for look in book.session.looks()}


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ({"jsonrpc": "2.0", "id": 99, "result": {"tools": []}}, "never made"),
        ({"jsonrpc": "2.0", "id": "2", "result": {"tools": []}}, "never made"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}, "second answer"),
        ({"jsonrpc": "2.0", "id": 1, "error": {}}, "second answer"),
        ([{"jsonrpc": "2.0", "id": 2, "result": {"tools": []}}], "not a JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":2,"id":2,"result":{}}', "same key twice"),
    ],
)
def test_faults_are_noted_and_the_session_goes_on(message, fault):
    book = listing()
    assert book.says(message) == []
    assert fault in book.look("protocol")[1]
    assert book.look("protocol")[0] is Outcome.FAILED
    book.answers({"tools": [1]}, to=2)
    assert book.finished
    assert book.session.pages["tools"].definitions == [1]


def test_plain_text_between_messages_loses_nothing():
    book = listing()
    book.says(b"Server listening on stdio")
    book.answers({"tools": []})
    assert book.look("protocol") == (Outcome.LOOKED, "1 × plain text between the messages")


def test_wait_is_short_after_a_message_that_cannot_be_read():
    book = listing()
    book.says(b'{"jsonrpc":"2.0","id":2,"result":{"tools":[NaN]}}')
    book.waits(2)
    assert book.finished
    assert book.look("tools")[0] is Outcome.FAILED


def test_batch_is_read_in_the_one_revision_that_has_them():
    book = Playbook(first=Era.LEGACY)
    book.answers({**INITIALIZED, "protocolVersion": "2025-03-26"})
    batch = [{"jsonrpc": "2.0", "method": "x"}, {"jsonrpc": "2.0", "id": 2, "result": {"tools": [1]}}]
    book.says(batch)
    assert book.session.pages["tools"].definitions == [1]


def test_batch_that_floods_is_refused():
    book = Playbook(first=Era.LEGACY)
    book.answers({**INITIALIZED, "protocolVersion": "2025-03-26"})
    book.says([{"jsonrpc": "2.0", "id": number, "method": "ping"} for number in range(60)])
    assert book.sent == []
    assert "messages_max" in book.look("protocol")[1]


def test_notifications_never_finish_and_never_prolong_a_wait():
    book = listing()
    for _ in range(4):
        book.waits(4)
        book.says({"jsonrpc": "2.0", "method": "notifications/progress"})
    book.waits(4)
    assert book.look("tools") == (Outcome.FAILED, "no answer in time")


def test_flood_of_messages_ends_the_session():
    book = listing()
    for _ in range(60):
        book.says({"jsonrpc": "2.0", "method": "notifications/message"})
    assert book.session.finished
    assert book.look("tools") == (Outcome.TRUNCATED, "limit messages_max (50) exceeded")


def test_end_of_the_whole_probe_is_kept_to():
    book = Playbook(first=Era.LEGACY)
    book.answers({**INITIALIZED, "capabilities": EVERYTHING})
    book.answers({"tools": [1], "nextCursor": "a"})
    book.waits(100)
    assert book.finished
    assert book.look("tools")[0] is Outcome.TRUNCATED
    assert book.look("prompts")[0] is Outcome.FAILED


def test_end_of_the_transport_fails_what_was_not_looked_at():
    book = listing()
    assert book.session.close("ended with exit code 1") == [Finished()]
    assert book.look("tools") == (Outcome.FAILED, "ended with exit code 1")


def test_refusal_below_json_rpc_falls_back_and_a_stale_one_is_ignored():
    book = Playbook()
    assert book.session.refuse(7, 404, "HTTP status 404", b"", 0.0) == []
    book._take(book.session.refuse(1, 404, "HTTP status 404", b"<html>", 0.0))
    assert book.sent[0]["method"] == "initialize"
    book._take(book.session.refuse(2, 403, "HTTP status 403", b"", 0.0))
    assert book.finished
    assert book.look("discover") == (Outcome.FAILED, "HTTP status 403")


def test_refusal_whose_body_is_a_modern_error_is_one():
    error = {
        "jsonrpc": "2.0",
        "id": "server-error",
        "error": {"code": -32022, "message": "", "data": {"supported": ["2025-11-25"]}},
    }
    book = Playbook()
    book._take(book.session.refuse(1, 400, "HTTP status 400", json.dumps(error).encode(), 0.0))
    assert book.sent[0]["method"] == "initialize"


# The law of this room: definitions are listed, nothing is called.


def test_no_table_holds_a_method_that_calls_anything():
    for rules in mcp.RULES.values():
        assert all(method.endswith("/list") or method in {"server/discover", "initialize"} for method in rules.requests)
        assert rules.notifications <= {"notifications/initialized"}


@pytest.mark.parametrize("era", Era)
@pytest.mark.parametrize("method", ["tools/call", "resources/read", "prompts/get", "completion/complete"])
def test_method_that_calls_something_cannot_be_made(era, method):
    with pytest.raises(LocalProtocolError):
        mcp.request(era, mcp.RULES[era].versions[0], 1, method, {})


IDS = st.integers(0, 8) | st.sampled_from(["1", "tools/call", None])
KEYS = st.sampled_from(
    (
        "tools prompts resources resourceTemplates nextCursor code data supported capabilities protocolVersion "
        "supportedVersions resultType method name"
    ).split()
)
JSON = st.recursive(
    st.none() | st.integers(-40000, 9) | st.sampled_from(["tools/call", "", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)
RESULTS = JSON | st.sampled_from(
    [
        DISCOVERED,
        INITIALIZED,
        {**INITIALIZED, "capabilities": EVERYTHING},
        {"tools": []},
        {"tools": [1], "nextCursor": "tools/call"},
        {"prompts": []},
        {"resources": []},
    ]
)
MESSAGES = st.one_of(
    st.builds(lambda i, r: {"jsonrpc": "2.0", "id": i, "result": r}, IDS, RESULTS),
    st.builds(lambda i, e: {"jsonrpc": "2.0", "id": i, "error": e}, IDS, JSON),
    st.builds(lambda c, d: {"jsonrpc": "2.0", "id": 1, "error": {"code": c, "data": {"supported": d}}},
              st.sampled_from([-32022, -32020, -32601]), st.lists(st.sampled_from(["2026-07-28", "2025-03-26", "x"]))),
    st.builds(lambda i, m: {"jsonrpc": "2.0", "id": i, "method": m}, IDS, st.sampled_from(["ping", "tools/call", "x"])),
    JSON,
)  # fmt: skip
STEPS = st.lists(
    MESSAGES.map(lambda value: ("says", json.dumps(value).encode()))
    | st.binary(max_size=20).map(lambda body: ("says", body))
    | st.sampled_from([("waits", 3), ("waits", 50), ("refuse", 1), ("refuse", 2), ("close", 0)]),
    max_size=25,
)
MAY_BE_SENT = {
    "server/discover", "initialize", "notifications/initialized", "tools/list", "prompts/list", "resources/list",
    "resources/templates/list", None,
}  # fmt: skip


@settings(max_examples=500)
@given(STEPS, st.sampled_from(Era))
def test_whatever_a_server_says_only_lists_are_asked_for_and_nothing_raises(steps, first):
    book = Playbook(first=first)
    sent = list(book.sent)
    for step, argument in steps:
        if step == "says":
            book.says(argument)
        elif step == "waits":
            book.waits(argument)
        elif step == "refuse":
            book._take(book.session.refuse(argument, 404, "HTTP status 404", b"", book.now))
        else:
            book._take(book.session.close("gone"))
        sent += book.sent
    assert {message.get("method") for message in sent} <= MAY_BE_SENT
    assert all(look.outcome is not Outcome.SKIPPED for look in book.session.looks())
    if not book.session.finished or book.session.failure:
        assert any(look.outcome not in {Outcome.LOOKED, Outcome.ABSENT} for look in book.session.looks())


def test_every_state_but_the_last_can_end_and_the_table_is_closed():
    assert {target for turns in ladder.TABLE.values() for target in turns.values()} <= set(State)
    assert all(Turn.END in ladder.TABLE[state] for state in State if state is not State.FINISHED)
    with pytest.raises(LocalProtocolError):
        ladder.move(State.FINISHED, Turn.NEXT_LIST)
