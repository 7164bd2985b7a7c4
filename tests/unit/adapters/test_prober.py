"""The prober: what it keeps, what it keeps out, and how it asks again."""

import asyncio
import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from bartizan.adapters.probers.mcp import McpProber
from bartizan.model.coverage import Outcome
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.secret import MARK, Secret
from bartizan.model.snapshot import Era, Transport
from bartizan.ports import Confined

# A server in a few lines; `{code}` runs for each request and may print answers.
KEY = Secret("k" * 64)
SERVER = """
import json, os, sys
def say(value): print(json.dumps(value), flush=True)
def result(value): say(dict(jsonrpc="2.0", id=request["id"], result=value))
def initialized(**more): result(dict(protocolVersion="2025-06-18", capabilities=dict(tools=dict()), **more))
for line in sys.stdin:
    request = json.loads(line)
    method = request["method"]
    {code}
"""
PLAIN = """
    if method == "server/discover": say(dict(jsonrpc="2.0", id=request["id"], error=dict(code=-32601, message="no")))
    if method == "initialize": initialized()
    if method == "tools/list": result(dict(tools=[dict(name="t")]))
"""


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


def launch(code: str, **environment: str) -> Launch:
    command = (sys.executable, "-I", "-S", "-c", SERVER.replace("{code}", code.strip()))
    return Launch(
        transport=Transport.STDIO,
        command=tuple(Secret(word) for word in command),
        environment={name: Secret(value) for name, value in environment.items()},
    )


def probe(one: Launch, limits: Limits | None = None, confined: Confined | None = None):
    prober = McpProber(limits or Limits(stop_seconds_max=1), clock=Clock(), key=KEY)
    probed = asyncio.run(prober.probe("server:s", one, confined))
    return probed, {look.part: (look.outcome, look.reason) for look in probed.looks}


def test_snapshot_holds_what_the_server_said_and_when():
    probed, looks = probe(launch(PLAIN))
    snapshot = probed.snapshot
    assert snapshot
    assert (snapshot.server, snapshot.taken_at, snapshot.era) == ("server:s", Clock().now(), Era.LEGACY)
    assert snapshot.tools == ({"name": "t"},)
    assert [part for part, (outcome, _) in looks.items() if outcome is Outcome.LOOKED] == ["start", "discover", "tools"]
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=type(snapshot)) == snapshot


def test_server_that_dies_of_the_modern_opening_is_started_again_for_the_handshake():
    dies = 'if method == "server/discover": os._exit(1)\n' + PLAIN.replace('if method == "server/discover"', "if False")
    probed, looks = probe(launch(dies))
    assert probed.snapshot
    assert probed.snapshot.tools == ({"name": "t"},)
    assert all(outcome in {Outcome.LOOKED, Outcome.ABSENT} for outcome, _ in looks.values())


def test_confined_command_is_what_is_started_and_nothing_of_the_launch():
    never = Launch(transport=Transport.STDIO, command=(Secret("/no/such/program"),), environment={"A": Secret("b")})
    tells = PLAIN.replace('name="t"', "name=','.join(sorted(os.environ))")
    words = tuple(word.reveal() for word in launch(tells).command)
    probed, _ = probe(never, confined=Confined(command=words, environment={"ONLY": "this"}))
    assert probed.snapshot
    assert set(probed.snapshot.tools[0]["name"].split(",")) - {"LC_CTYPE"} == {"ONLY"}


def test_command_that_cannot_be_started_is_said():
    probed, looks = probe(Launch(transport=Transport.STDIO, command=(Secret("/no/such/program"),)))
    assert probed.snapshot is None
    assert looks["start"] == (Outcome.FAILED, "cannot be started: No such file or directory")
    assert looks["tools"][0] is Outcome.FAILED


@pytest.mark.parametrize("command", [(), ("",), ("a\0b",)])
def test_launch_without_a_command_is_said(command):
    probed, looks = probe(Launch(transport=Transport.STDIO, command=tuple(Secret(word) for word in command)))
    assert probed.snapshot is None
    assert looks["start"][0] is Outcome.FAILED


@pytest.mark.parametrize("url", ["", "ftp://x/y", "http://", "http://127.0.0.1:99999/", "not a url", "http://a b/"])
@pytest.mark.parametrize("transport", [Transport.STREAMABLE_HTTP, Transport.SSE])
def test_launch_with_a_broken_url_is_said(url, transport):
    probed, looks = probe(Launch(transport=transport, url=Secret(url)))
    assert probed.snapshot is None
    assert looks["tools"][0] is Outcome.FAILED


def test_secrets_that_the_server_was_given_and_those_of_known_formats_stay_out():
    given, printed = "s3cr3t-" + "value" * 4, "ghp_" + "A1b2" * 9
    leaks = PLAIN.replace('dict(name="t")', "dict(name='t', description=os.environ['API_TOKEN'], other=[1, 'kept'])")
    leaks += f"\n    print(os.environ['API_TOKEN'], 'and {printed[:10]}' + '{printed[10:]}', 'plain', file=sys.stderr)"
    probed, looks = probe(launch(leaks, API_TOKEN=given))
    kept = msgspec.json.encode(probed).decode()
    assert given not in kept
    assert printed not in kept
    assert probed.snapshot
    assert probed.snapshot.tools == ({"name": "t", "description": MARK, "other": [1, "kept"]},)
    assert "plain" in probed.snapshot.stderr
    assert "credential that it was given" in looks["redaction"][1]


@pytest.mark.parametrize("value", ["a\r\nX-Injected: b", "\u691c\u7d22", "\0"])
@pytest.mark.parametrize("transport", [Transport.STREAMABLE_HTTP, Transport.SSE])
def test_header_that_cannot_be_sent_is_said(transport, value):
    one = Launch(transport=transport, url=Secret("http://127.0.0.1:1/mcp"), headers={"X-A": Secret(value)})
    probed, looks = probe(one)
    assert probed.snapshot is None
    assert looks["tools"][0] is Outcome.FAILED


@pytest.mark.parametrize("transport", [Transport.STREAMABLE_HTTP, Transport.SSE])
def test_configured_address_of_a_metadata_service_is_not_contacted(transport):
    probed, looks = probe(Launch(transport=transport, url=Secret("http://169.254.169.254/latest/meta-data/")))
    assert probed.snapshot is None
    assert any("may not go" in reason for _, reason in looks.values())


def test_error_message_of_a_server_brings_no_secret_into_the_looks():
    token = "ghp_" + "A1b2" * 9
    code = f"say(dict(jsonrpc='2.0', id=request['id'], error=dict(code=-1, message='{token[:9]}' + '{token[9:]}')))"
    probed, looks = probe(launch(code))
    assert token not in msgspec.json.encode(probed).decode()
    assert "‹github-token github-sha256:" in looks["discover"][1]
    assert [one.kind for one in probed.credentials] == ["github-token"]


def test_a_message_cut_short_holds_no_half_of_a_secret():
    token = "ghp_" + "A1b2" * 9
    code = f"say(dict(jsonrpc='2.0', id=request['id'], error=dict(code=-1, message='no ' * 62 + '{token}')))"
    _, looks = probe(launch(code))
    assert "no no" in looks["discover"][1]
    assert token[:6] not in looks["discover"][1]


def test_nobody_asks_a_server_to_call_a_tool(tmp_path: Path):
    log = tmp_path / "methods"
    noting = PLAIN + f"\n    open({str(log)!r}, 'a').write(method + '\\n')"
    probe(launch(noting))
    assert set(log.read_text().split()) == {"server/discover", "initialize", "notifications/initialized", "tools/list"}


# Authorization


def protected(http_answer, documents: dict, challenge: str = "Bearer"):
    async def script(request, writer):
        if request.path in documents:
            writer.write(http_answer("200 OK", json.dumps(documents[request.path]).encode()))
        elif request.method == "POST":
            writer.write(http_answer("401 Unauthorized", www_authenticate=challenge))
        else:
            writer.write(http_answer("404 Not Found"))

    return script


def probe_protected(raw_http, http_answer, documents_of, challenge_of=lambda base: "Bearer"):
    async def run():
        documents: dict = {}
        challenge: list[str] = []

        async def script(request, writer):
            await protected(http_answer, documents, challenge[0])(request, writer)

        async with raw_http(script) as (base, requests):
            documents.update(documents_of(base))
            challenge.append(challenge_of(base))
            one = Launch(
                transport=Transport.STREAMABLE_HTTP,
                url=Secret(f"{base}/api/mcp"),
                headers={"Authorization": Secret("Bearer " + "q" * 20)},
            )
            probed = await McpProber(Limits(), clock=Clock(), key=KEY).probe("server:s", one)
            return base, probed, requests

    base, probed, requests = asyncio.run(run())
    return base, probed, requests, {look.part: (look.outcome, look.reason) for look in probed.looks}


def resource(base: str, **more) -> dict:
    return {"resource": f"{base}/api/mcp", "authorization_servers": [f"{base}/tenant"], **more}


METADATA = "/.well-known/oauth-protected-resource/api/mcp"


def test_metadata_of_a_protected_server_is_kept(raw_http, http_answer):
    base, probed, requests, looks = probe_protected(
        raw_http,
        http_answer,
        lambda base: {
            "/meta": resource(base),
            "/.well-known/openid-configuration/tenant": {"issuer": f"{base}/tenant", "token_endpoint": "x"},
        },
        lambda base: f'Bearer realm="a, b", resource_metadata="{base}/meta", scope="x"',
    )
    assert looks["discover"] == (Outcome.FAILED, "authentication required (HTTP status 401)")
    assert looks["authorization"] == (Outcome.LOOKED, "")
    assert probed.snapshot
    assert set(probed.snapshot.authorization) == {f"{base}/meta", f"{base}/.well-known/openid-configuration/tenant"}
    assert (probed.snapshot.tools, probed.snapshot.protocol_version) == ((), "")
    assert [request.method for request in requests].count("POST") == 1
    assert all("authorization" not in request.headers for request in requests if request.method == "GET")


def test_metadata_is_found_at_its_well_known_place(raw_http, http_answer):
    base, probed, _, looks = probe_protected(
        raw_http,
        http_answer,
        lambda base: {
            METADATA: resource(base),
            "/.well-known/oauth-authorization-server/tenant": {"issuer": f"{base}/tenant"},
        },
    )
    assert looks["authorization"] == (Outcome.LOOKED, "")
    assert probed.snapshot
    assert f"{base}{METADATA}" in probed.snapshot.authorization


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (lambda base: resource(base, resource="https://another.example/mcp"), "names another resource"),
        (lambda base: resource(base, resource=f"{base}/api/mcp2"), "names another resource"),
        (lambda base: resource(base, authorization_servers=["http://192.0.2.1/x"]), "without TLS"),
        (lambda base: resource(base, authorization_servers=["https://169.254.169.254/latest"]), "may not go"),
        (lambda base: resource(base, authorization_servers=["https://localhost/x"]), "may not go"),
        (lambda base: resource(base, authorization_servers=["file:///etc/passwd"]), "no HTTP URL"),
        (lambda base: resource(base, authorization_servers=[f"https://{'a' * 70}.example/x"]), "could not be read"),
        (lambda base: resource(base, authorization_servers=["https://[::1/x"]), "no HTTP URL"),
        (lambda base: resource(base, authorization_servers=[f"{base}/liar"]), "names another issuer"),
        (lambda base: resource(base, authorization_servers=[f"{base}/nothing"]), "no authorization-server metadata"),
        (lambda base: ["not an object"], "no protected-resource metadata"),
    ],
)
def test_metadata_that_lies_is_not_followed(raw_http, http_answer, document, reason):
    _, _, _, looks = probe_protected(
        raw_http,
        http_answer,
        lambda base: {
            METADATA: document(base),
            "/.well-known/oauth-authorization-server/liar": {"issuer": "https://honest.example"},
        },
    )
    assert looks["authorization"][0] is Outcome.FAILED
    assert reason in looks["authorization"][1]


def test_challenge_that_names_another_origin_is_not_followed(raw_http, http_answer):
    _, _, _, looks = probe_protected(
        raw_http, http_answer, lambda base: {}, lambda base: "Bearer resource_metadata=http://localhost:9/meta"
    )
    assert "another origin" in looks["authorization"][1]


_SAYS = """
    token = os.environ["API_TOKEN"]
    encoded = base64.b64encode(("u:" + token).encode()).decode()
    said = " ".join((token, encoded, token.encode().hex(), quote(token, safe="")))
"""


@pytest.mark.parametrize(
    "code",
    [
        "print('cannot log in with', said, file=sys.stderr, flush=True); os._exit(1)",
        "print('x' * 190 + ' ' + said, file=sys.stderr, flush=True); os._exit(1)",
        "print((said + ' ') * 20_000, file=sys.stderr, flush=True); os._exit(1)",
        "say(dict(jsonrpc='2.0', id=request['id'], error=dict(code=-1, message='no ' * 60 + said)))",
        "initialized(instructions=said, **{said: said})",
        "print(said, flush=True); os._exit(1)",
    ],
    ids=["last words", "long last words", "flood", "error", "instructions", "no JSON"],
)
def test_what_a_server_was_given_leaves_by_no_way(code: str):
    token = "s3cr/t+" + "q8Zw" * 5
    says = _SAYS.strip() + "\n    " + code
    given = launch("import base64; from urllib.parse import quote\n    " + says, API_TOKEN=token)
    kept = msgspec.json.encode(probe(given)[0]).decode()
    encoded = base64.b64encode(b"u:" + token.encode()).decode()
    for form in (token, encoded[4:-4], token.encode().hex(), quote(token, safe="")):
        assert not [form[at : at + 8] for at in range(len(form) - 8) if form[at : at + 8] in kept]
