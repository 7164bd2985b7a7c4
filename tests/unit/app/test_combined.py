"""All servers as one, as transcripts: what a client sends, what reaches which server, what comes back."""

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bartizan.adapters.transports.listener import Request
from bartizan.app.combined import Combined
from bartizan.app.gateway import Gateway, GatewayParts
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.limits import Limits
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret
from bartizan.prevent.gate import Gate
from bartizan.protocol.relay.places import Endpoint, Places

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}, "extensions": {"x/y": {}}},
}
PLAIN = (("content-type", "application/json"),)
EVENTS = (("content-type", "text/event-stream"),)


class Said(msgspec.Struct):
    status: int
    headers: tuple
    body: Any


class Server:
    """A server in memory. `answers` give a result, an answer, or an exception, by method; each may be a function."""

    def __init__(self, legacy=False, **answers: Any) -> None:
        self.legacy, self.reached = legacy, list[tuple[str, dict, Any]]()
        self.answers = {name.replace("_", "/"): answer for name, answer in answers.items()}

    async def send(self, reading, headers, body):
        message = json.loads(body) if body else {}
        method = message.get("method", reading.http_method if not message else "answer")
        self.reached.append((method, dict(headers), message))
        found: Any = self.answers.get(method, self.plain(method))
        found = found(message) if isinstance(found, Callable) else found
        if isinstance(found, Exception):
            raise found
        if isinstance(found, Said):
            return found
        if "id" not in message or method == "answer":
            return Said(202, (), pieces(b""))
        session = (("mcp-session-id", "s-1"),) if method == "initialize" else ()
        result = found if isinstance(found, str) else json.dumps(found)
        return Said(200, (*PLAIN, *session), pieces(reply(message, result)))

    def plain(self, method):
        capabilities = {"tools": {"listChanged": True}, "extensions": {"x/y": {}}}
        if method == "server/discover" and self.legacy:
            return Said(400, PLAIN, pieces(b'{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"?"}}'))
        if method == "server/discover":
            return {"supportedVersions": ["2026-07-28"], "capabilities": capabilities, "resultType": "complete"}
        if method == "initialize" and not self.legacy:
            return Said(404, PLAIN, pieces(b'{"jsonrpc":"2.0","id":"open","error":{"code":-32601,"message":"?"}}'))
        return {"protocolVersion": "2025-06-18", "capabilities": capabilities} if method == "initialize" else {}

    def of(self, method):
        return [(headers, message) for name, headers, message in self.reached if name == method]

    async def close(self):
        pass


async def pieces(*data):
    for one in data:
        yield one


def reply(message, result):
    return f'{{"jsonrpc":"2.0","id":{json.dumps(message["id"])},"result":{result}}}'.encode()


class Bus:
    def __init__(self) -> None:
        self.events: list = []

    def accept(self, *events):
        self.events += events
        return len(self.events)


class Guard:
    """Knows who asks by the token; lets everybody see and do what `denies` does not name."""

    name = "identity"

    def __init__(self, *denies: str) -> None:
        self.denies, self.judged = denies, list[tuple[str, str, str]]()

    def judge(self, call, answers) -> Any:
        self.judged.append((call.server, call.method, call.target))
        who = call.credentials.bearer.reveal() if call.credentials.bearer else "nobody"
        if who == "stranger":
            return call, Decision(effect=Effect.DENY, refusal=Refusal.UNAUTHENTICATED)
        known = msgspec.structs.replace(call, principal=Principal(id=who, proof=Proof.TOKEN))
        if call.target in self.denies or call.server in self.denies:
            return known, Decision(effect=Effect.DENY, refusal=Refusal.NOT_FOUND)
        return known, ALLOWED

    def filter(self, call, definitions):
        return [one for one in definitions if one.get("name") not in self.denies]


def fronting(guard=None, limits=None, **servers):
    numbers = itertools.count(1)
    bus = Bus()
    parts = GatewayParts(
        gate=Gate([guard or Guard()]),
        servers=servers,
        places=Places("127.0.0.1", 8700),
        bus=bus,  # type: ignore[arg-type]
        key=Secret("k" * 32),
        now=lambda: datetime(2026, 11, 20, tzinfo=UTC),
        uid=lambda: f"u{next(numbers)}",
        resolve=lambda _question: asyncio.sleep(0),  # type: ignore[arg-type]
        limits=limits or Limits(),
    )
    gateway = Gateway(parts)
    gateway.further[Endpoint.COMBINED] = Combined(gateway, tuple(servers)).handle
    return gateway


def request(message, method="POST", **headers):
    named = {"host": "127.0.0.1:8700", "content-type": "application/json", **headers}
    return Request(
        method=method,
        target="/mcp",
        headers=tuple((name.replace("_", "-"), value) for name, value in named.items()),
        body=json.dumps(message).encode() if message is not None else b"",
        peer="127.0.0.1:5",
    )


def modern(method, params=None, **headers):
    params = params or {}
    name = params.get("name", params.get("uri", ""))
    mirrored = {"mcp-protocol-version": "2026-07-28", "mcp-method": method, **({"mcp-name": name} if name else {})}
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"_meta": META, **params}}
    return request(body, **mirrored, **headers)


def legacy(method, params=None, session="", **headers):
    body = {"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}
    body |= {} if method.startswith("notifications/") else {"id": 7}
    shown = {"mcp-session-id": session} if session else {}
    return request(body, mcp_protocol_version="2025-11-25", **shown, **headers)


INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {"roots": {}}, "clientInfo": {"name": "c"}}


async def text(answer):
    return answer.body if isinstance(answer.body, bytes) else b"".join([piece async for piece in answer.body])


async def said(gateway, one):
    answer = await gateway.handle(one)
    body = await text(answer)
    return answer.status, dict(answer.headers), body


def handled(gateway, *requests) -> Any:
    async def run():
        return [await said(gateway, one) for one in requests]

    found = asyncio.run(run())
    return found if len(found) > 1 else found[0]


ODD = '{ "name":"a" , "d":"\\u00e9 1.0e2", "inputSchema":{"$defs":{}, "name":"x"} }'


def test_each_definition_is_its_servers_own_bytes_but_for_its_name():
    one = Server(tools_list='{"tools":[' + ODD + '],"resultType":"complete","ttlMs":5,"cacheScope":"public"}')
    two = Server(tools_list={"tools": [{"name": "a"}], "resultType": "complete", "ttlMs": 9})
    _, _, body = handled(fronting(one=one, two=two), modern("tools/list"))
    assert ODD.replace('"name":"a"', '"name":"one__a"', 1).encode() in body
    result = json.loads(body)["result"]
    assert [tool["name"] for tool in result["tools"]] == ["one__a", "two__a"]
    assert (result["ttlMs"], result["cacheScope"], result["resultType"]) == (5, "private", "complete")
    assert "_meta" not in result


def test_pages_of_all_servers_come_page_by_page_and_each_cursor_goes_back_to_its_own_server():
    def paged(message):
        at = int(message["params"].get("cursor", "0"))
        return {"tools": [{"name": f"t{at}"}], **({"nextCursor": str(at + 1)} if at < 2 else {})}

    one, two = Server(tools_list=paged), Server(tools_list={"tools": [{"name": "only"}]})
    gateway = fronting(one=one, two=two)
    seen, cursor = [], None
    while True:
        _, _, body = handled(gateway, modern("tools/list", {"cursor": cursor} if cursor else {}))
        result = json.loads(body)["result"]
        seen.append([tool["name"] for tool in result["tools"]])
        if (cursor := result.get("nextCursor")) is None:
            break
    assert seen == [["one__t0", "two__only"], ["one__t1"], ["one__t2"]]
    assert len(two.of("tools/list")) == 1


def test_a_cursor_that_is_not_of_this_list_is_refused():
    server = Server(tools_list={"tools": [], "nextCursor": "x"})
    gateway = fronting(one=server)
    _, _, body = handled(gateway, modern("tools/list"))
    cursor = json.loads(body)["result"]["nextCursor"]
    wrong = modern("prompts/list", {"cursor": cursor}), modern("tools/list", {"cursor": "x"})
    for one in (*wrong, modern("tools/list", {"cursor": cursor[:-1] + "!"}), modern("tools/list", {"cursor": 1})):
        status, _, refused = handled(gateway, one)
        assert (status, json.loads(refused)["error"]["code"]) == (400, -32602)


def test_more_than_one_answer_holds_comes_with_the_next_page():
    long = {"tools": [{"name": "a", "d": "x" * 3000}]}
    gateway = fronting(one=Server(tools_list=long), two=Server(tools_list=long), limits=Limits(message_bytes_max=4000))
    _, _, first = handled(gateway, modern("tools/list"))
    result = json.loads(first)["result"]
    _, _, second = handled(gateway, modern("tools/list", {"cursor": result["nextCursor"]}))
    names = [tool["name"] for body in (first, second) for tool in json.loads(body)["result"]["tools"]]
    assert names == ["one__a", "two__a"]


def test_F2_a_name_that_would_be_too_long_is_left_out_and_told():
    server = Server(tools_list={"tools": [{"name": "x" * 124}, {"name": "y" * 123}, {"title": "none"}]})
    _, _, body = handled(fronting(one=server), modern("tools/list"))
    result = json.loads(body)["result"]
    assert [tool["name"] for tool in result["tools"]] == ["one__" + "y" * 123]
    (missing,) = result["_meta"]["bartizan/leftOut"]
    assert missing["server"] == "one"
    assert missing["reason"].startswith("2 of its tools")


def test_what_policy_hides_is_hidden_and_a_server_that_is_down_is_named_here_and_in_an_event():
    tools = {"tools": [{"name": "a"}, {"name": "b"}]}
    down = Server(server_discover=ConnectionRefusedError("refused"))
    gateway = fronting(Guard("b", "secret"), one=Server(tools_list=tools), secret=Server(tools_list=tools), down=down)
    _, _, body = handled(gateway, modern("tools/list"))
    result = json.loads(body)["result"]
    assert [tool["name"] for tool in result["tools"]] == ["one__a"]
    assert [one["server"] for one in result["_meta"]["bartizan/leftOut"]] == ["down"]
    assert "secret" not in body.decode()
    ends = [event for event in gateway.parts.bus.events if event.status == "Failure" and event.mcp["server"] == "down"]  # type: ignore[attr-defined]
    assert [event.message for event in ends] == ["refused"]


def test_where_no_server_answers_there_is_an_error_and_no_empty_list():
    down = Server(server_discover=TimeoutError())
    status, _, body = handled(fronting(one=down, two=down), modern("tools/list"))
    assert (status, json.loads(body)["error"]["code"], json.loads(body)["id"]) == (502, -32603, 7)


def test_H1_a_call_is_judged_and_sent_under_the_servers_own_name_in_body_and_header():
    guard, one, two = Guard(), Server(tools_call={"content": [], "resultType": "complete"}), Server()
    gateway = fronting(guard, one=one, two=two)
    status, _, _ = handled(gateway, modern("tools/call", {"name": "one__do", "arguments": {"name": "one__do"}}))
    ((headers, message),) = one.of("tools/call")
    assert status == 200
    assert (headers["mcp-name"], message["params"]["name"], message["id"]) == ("do", "do", 7)
    assert message["params"]["arguments"] == {"name": "one__do"}
    assert message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] == {
        "elicitation": {}, "extensions": {},
    }  # fmt: skip
    assert guard.judged[-1] == ("one", "tools/call", "do")
    assert not two.of("tools/call")


def test_H1_a_header_that_names_another_tool_is_refused():
    gateway = fronting(one=Server())
    one = modern("tools/call", {"name": "one__do"})
    headers = tuple((name, "one__other" if name == "mcp-name" else value) for name, value in one.headers)
    status, _, body = handled(gateway, msgspec.structs.replace(one, headers=headers))
    assert (status, json.loads(body)["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    ("method", "params", "own"),
    [
        ("prompts/get", {"name": "one__p"}, {"name": "p"}),
        ("resources/read", {"uri": "bartizan:one/a://b/../c"}, {"uri": "a://b/../c"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "one__p"}}, {"ref": {"name": "p"}}),
        (
            "completion/complete",
            {"ref": {"type": "ref/resource", "uri": "bartizan:one/a://{b}"}},
            {"ref": {"uri": "a://{b}"}},
        ),
    ],
)
def test_prompts_resources_and_completions_reach_the_server_that_their_name_says(method, params, own):
    one, two = Server(), Server()
    handled(fronting(one=one, two=two), modern(method, params))
    ((_, message),) = one.of(method)
    got = message["params"] if "ref" not in own else {"ref": {key: message["params"]["ref"][key] for key in own["ref"]}}
    assert own.items() <= got.items()
    assert not two.of(method)


def test_links_in_results_lead_back_to_their_server():
    content = [{"type": "resource_link", "uri": "a://b"}, {"type": "resource", "resource": {"uri": "a://c"}}]
    one = Server(tools_call={"content": content, "resultType": "complete", "structuredContent": {"uri": "a://b"}})
    _, _, body = handled(fronting(one=one), modern("tools/call", {"name": "one__t"}))
    result = json.loads(body)["result"]
    assert result["content"][0]["uri"] == "bartizan:one/a://b"
    assert result["content"][1]["resource"]["uri"] == "bartizan:one/a://c"
    assert result["structuredContent"] == {"uri": "a://b"}


def test_what_names_no_server_is_unknown_recorded_and_told_to_nobody_without_access():
    gateway = fronting(one=Server())
    unknown = modern("tools/call", {"name": "two__do"})
    (status, _, body), (stranger, _, _) = handled(
        gateway, unknown, modern("tools/call", {"name": "two__do"}, authorization="Bearer stranger")
    )
    assert (status, json.loads(body)["error"]["code"], stranger) == (200, -32602, 401)
    events: Any = gateway.parts.bus.events  # type: ignore[attr-defined]
    denied = [event for event in events if event.unmapped.get("decision", {}).get("guard") == "combined"]
    assert [event.mcp["target"] for event in denied] == ["two__do"]


def opened(gateway, **headers):
    status, told, body = handled(gateway, legacy("initialize", INITIALIZE, **headers))
    assert status == 200, body
    return told["mcp-session-id"], json.loads(body)["result"]


def test_a_legacy_session_opens_one_at_each_server_and_any_replica_goes_on_with_it():
    one, two = Server(legacy=True), Server()
    session, result = opened(fronting(one=one, two=two))
    assert (result["protocolVersion"], result["capabilities"]) == ("2025-11-25", {"tools": {"listChanged": True}})
    assert one.of("initialize")[0][1]["params"]["capabilities"] == {"roots": {}}
    assert one.of("notifications/initialized")[0][0]["mcp-session-id"] == "s-1"
    status, _, _ = handled(fronting(one=one, two=two), legacy("tools/call", {"name": "one__t"}, session))
    ((headers, _),) = one.of("tools/call")
    assert (status, headers["mcp-session-id"], headers["mcp-protocol-version"]) == (200, "s-1", "2025-06-18")
    assert len(one.of("initialize")) == 1


def test_C2_the_session_of_another_principal_opens_nothing():
    one = Server(legacy=True, tools_list={"tools": []})
    gateway = fronting(one=one)
    session, _ = opened(gateway, authorization="Bearer alice")
    for asked in (legacy("tools/list", None, session), legacy("tools/call", {"name": "one__t"}, session)):
        strange = msgspec.structs.replace(asked, headers=(*asked.headers, ("authorization", "Bearer mallory")))
        assert handled(gateway, strange)[0] == 404
    assert not one.of("tools/list")
    assert not one.of("tools/call")
    assert handled(gateway, legacy("tools/list", None, session[:-1] + "!"))[0] == 404
    assert handled(gateway, legacy("tools/list"))[0] == 400


def test_a_servers_question_gets_an_id_of_its_server_and_the_answer_goes_there_under_the_old_one():
    question = b'data: {"jsonrpc":"2.0","id":0,"method":"roots/list"}\n\n'

    def asks(message):
        result = reply(message, '{"content":[]}')
        return Said(200, EVENTS, pieces(b"id: 9\n" + question, b"data: " + result + b"\n\n"))

    one, two = Server(legacy=True, tools_call=asks), Server(legacy=True)
    gateway = fronting(one=one, two=two)
    session, _ = opened(gateway)
    _, _, body = handled(gateway, legacy("tools/call", {"name": "one__t"}, session))
    asked = json.loads(body.split(b"data: ")[1].split(b"\n")[0])
    assert asked == {"jsonrpc": "2.0", "id": "one__i0", "method": "roots/list"}
    assert body.startswith(b"id: one__")
    answered = request(
        {"jsonrpc": "2.0", "id": "one__i0", "result": {"roots": []}},
        mcp_protocol_version="2025-11-25", mcp_session_id=session,
    )  # fmt: skip
    assert handled(gateway, answered)[0] == 202
    assert one.of("answer")[0][1]["id"] == 0
    assert not two.of("answer")


def test_cancellation_goes_to_every_server_of_the_session_under_the_clients_id():
    one, two, three = Server(legacy=True), Server(legacy=True), Server()
    gateway = fronting(one=one, two=two, three=three)
    session, _ = opened(gateway)
    note = legacy("notifications/cancelled", {"requestId": 7}, session)
    assert handled(gateway, note)[0] == 202
    assert [server.of("notifications/cancelled")[0][1]["params"]["requestId"] for server in (one, two)] == [7, 7]
    assert not three.of("notifications/cancelled")


def test_the_end_of_a_session_is_the_end_at_each_server():
    one = Server(legacy=True, DELETE=Said(200, (), pieces(b"")))
    gateway = fronting(one=one)
    session, _ = opened(gateway)
    ended = request(None, method="DELETE", mcp_protocol_version="2025-11-25", mcp_session_id=session)
    assert handled(gateway, ended)[0] == 200
    assert one.of("DELETE")[0][0]["mcp-session-id"] == "s-1"


def test_A7_a_modern_client_reaches_a_legacy_server_in_a_session_that_is_kept_and_opened_anew_once_it_is_gone():
    calls = itertools.count(1)

    def forgets(_message):
        return Said(404, PLAIN, pieces(b"{}")) if next(calls) == 2 else {"content": []}

    one = Server(legacy=True, tools_call=forgets)
    gateway = fronting(one=one)
    outcomes = handled(gateway, *[modern("tools/call", {"name": "one__t"}) for _ in range(3)])
    assert [json.loads(body)["result"] for _, _, body in outcomes] == [{"content": [], "resultType": "complete"}] * 3
    assert len(one.of("initialize")) == 2
    assert one.of("initialize")[0][1]["params"]["capabilities"] == {}
    assert "io.modelcontextprotocol/protocolVersion" not in one.of("tools/call")[0][1]["params"]["_meta"]


def test_A7_a_question_to_a_client_without_an_ear_for_it_is_answered_here_and_recorded():
    def asks(message):
        question = b'data: {"jsonrpc":"2.0","id":"q","method":"sampling/createMessage"}\n\n'
        return Said(200, EVENTS, pieces(question, b"data: " + reply(message, "{}") + b"\n\n"))

    async def run():
        _, _, body = await said(gateway, modern("tools/call", {"name": "one__t"}))
        while not one.of("answer"):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        return body

    one = Server(legacy=True, tools_call=asks)
    gateway = fronting(one=one)
    assert b"sampling" not in asyncio.run(run())
    assert one.of("answer")[0][1]["error"]["code"] == -32601
    assert any("without them" in event.message for event in gateway.parts.bus.events)  # type: ignore[attr-defined]


def test_A7_a_legacy_client_reaches_a_modern_server_and_hears_of_what_it_cannot_be_asked():
    tool = {"name": "t", "inputSchema": {"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}}
    asking = {"resultType": "input_required", "inputRequests": {}}
    one = Server(tools_list={"tools": [tool]}, tools_call=asking)
    gateway = fronting(one=one)
    session, _ = opened(gateway)
    _, (_, _, body) = handled(
        gateway,
        legacy("tools/list", None, session),
        legacy("tools/call", {"name": "one__t", "arguments": {"a": "é"}}, session),
    )
    ((headers, message),) = one.of("tools/call")
    assert json.loads(body)["error"]["message"].startswith("The server asks")
    assert headers["mcp-param-a"].startswith("=?base64?")
    assert message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] == {}
    assert message["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] == {"name": "c"}


def test_one_subscription_listens_at_all_servers_and_its_resources_have_their_names_here():
    def listens(message):
        own = message["params"]["notifications"]
        acknowledged = {"_meta": {}, "notifications": own}
        updated = {"uri": "a://b", "_meta": {"io.modelcontextprotocol/subscriptionId": message["id"]}}
        return Said(200, EVENTS, pieces(*(
            b"data: " + json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n\n"
            for method, params in (
                ("notifications/subscriptions/acknowledged", acknowledged), ("notifications/resources/updated", updated)
            )
        )))  # fmt: skip

    one, two = Server(subscriptions_listen=listens), Server(subscriptions_listen=TimeoutError())
    asked = {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["bartizan:one/a://b", "two/x"]}}
    _, _, body = handled(fronting(one=one, two=two), modern("subscriptions/listen", asked))
    first, second = (json.loads(part.split(b"\n")[0]) for part in body.split(b"data: ")[1:])
    assert one.of("subscriptions/listen")[0][1]["params"]["notifications"]["resourceSubscriptions"] == ["a://b"]
    assert first["params"]["notifications"]["resourceSubscriptions"] == ["bartizan:one/a://b"]
    assert first["params"]["_meta"]["bartizan/leftOut"][0]["server"] == "two"
    assert second["params"] == {
        "uri": "bartizan:one/a://b",
        "_meta": {"io.modelcontextprotocol/subscriptionId": 7},
    }


@pytest.mark.parametrize("one", [modern("tasks/get", {"taskId": "x"}), modern("notifications/x")])
def test_what_has_no_way_through_is_an_error(one):
    assert handled(fronting(one=Server()), one)[0] == 404


def test_a_batch_is_refused():
    gateway = fronting(one=Server())
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert handled(gateway, request([ping], mcp_protocol_version="2025-03-26"))[0] == 400
