"""Whatever a client shows to say who it is stays at the gateway: not in what a server gets, not in the journal, the
state or the log, whether it was good or not (I3; Authorization, "Access Token Privilege Restriction").
"""

import base64
import json
import os
import secrets
import socket
import time

import pytest

from bartizan.adapters.tokens.api_keys import make_key
from fixtures.running import ALLOW_ALL, Gateway, fronting
from fixtures.scripted import Said, Seen, scripted
from fixtures.tap import tapped

KEY, HASH = make_key("maya")
OPAQUE, WRONG, COOKIE = (secrets.token_urlsafe(24) for _ in range(3))
SIGNED_BADLY = ".".join(base64.urlsafe_b64encode(os.urandom(30)).decode() for _ in range(3))
KEPT = {"key": KEY.reveal(), "opaque": OPAQUE, "wrong": WRONG, "cookie": COOKIE, "signed badly": SIGNED_BADLY}
BASIC = base64.b64encode(f"maya:{WRONG}".encode()).decode()

# Each way to show something, and whether it lets in.
WAYS: dict[str, tuple[tuple[tuple[str, str], ...], bool]] = {
    "a key as a bearer": ((("authorization", f"Bearer {KEY.reveal()}"),), True),
    "a key, its scheme in lower case": ((("authorization", f"bearer {KEY.reveal()}"),), True),
    "a key in a header of its own": ((("x-api-key", KEY.reveal()),), True),
    "an opaque token": ((("authorization", f"Bearer {OPAQUE}"),), True),
    "an opaque token that is not known": ((("authorization", f"Bearer {WRONG}"),), False),
    "a signed token of nobody": ((("authorization", f"Bearer {SIGNED_BADLY}"),), False),
    "a user and a password": ((("authorization", f"Basic {BASIC}"),), False),
    "another scheme": ((("authorization", f"DPoP {WRONG}"),), False),
    "a scheme that is a token": ((("authorization", WRONG),), False),
    "a key with more beside it": (
        (("x-api-key", KEY.reveal()), ("cookie", f"s={COOKIE}"), ("proxy-authorization", f"Bearer {WRONG}"),
         ("x-forwarded-access-token", OPAQUE), ("forwarded", f"for={COOKIE}"), ("x-auth-token", WRONG)),
        True,
    ),
    "two headers": ((("authorization", f"Bearer {KEY.reveal()}"), ("authorization", f"Bearer {WRONG}")), False),
    "a folded header": ((("authorization", f"Bearer\r\n {WRONG}"),), False),
    "a token as the name of a header": (((WRONG, "1"), (WRONG, "1")), False),
}  # fmt: skip
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
LEGACY = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
MODERN = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}).encode()
MIRRORED = (("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list"))


def server(seen: Seen) -> Said:
    if not seen.body:
        return Said(b"", status=405)
    return Said(b'{"jsonrpc":"2.0","id":1,"result":{"tools":[],"resultType":"complete"}}')


def issuer(seen: Seen) -> Said:
    """An authorization server that knows one opaque token."""
    if f"token={OPAQUE}".encode() in seen.body:
        until = int(time.time()) + 600
        return Said(json.dumps({"active": True, "sub": "maya", "aud": AUDIENCE, "exp": until}).encode())
    return Said(b'{"active":false}')


AUDIENCE = "https://gateway.example"


def ask(gateway: Gateway, shown, body: bytes = LEGACY, *, line: str = "POST /servers/peer/mcp", more=()) -> int:
    headers = (("host", f"127.0.0.1:{gateway.port}"), ("content-type", "application/json"), *more, *shown)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as one:
        one.sendall(f"{line} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        return int(one.recv(65536).split(b" ")[1])


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A gateway to which everything was shown, ended: the statuses, and all bytes that it left anywhere."""
    folder = tmp_path_factory.mktemp("canary")
    os.environ["GATEWAY_SECRET"] = "unused"
    with scripted(server) as behind, scripted(issuer) as vouching, tapped(behind.url) as tap:
        asks = {"endpoint": vouching.url, "client_id": "gateway", "client_secret": "env:GATEWAY_SECRET"}
        identity = {
            "api_keys": {"maya": {"hash": HASH}}, "networks": ["127.0.0.1"], "audience": AUDIENCE,
            "issuers": [{"issuer": "http://127.0.0.1", "introspection": asks}],
        }  # fmt: skip
        policy = {
            "roles": {"maya": [{"principal": "key:maya"}, {"principal": "http://127.0.0.1|maya"}]},
            "allow": [{"role": "maya", "server": "*", **ALLOW_ALL}],
        }
        statuses = {}
        with fronting(folder, {"peer": tap.url}, policy, identity=identity) as gateway:
            for name, (shown, _) in WAYS.items():
                statuses[name] = [ask(gateway, shown), ask(gateway, shown, MODERN, more=MIRRORED)]
                for line in ("GET /servers/peer/mcp", "DELETE /servers/peer/mcp", "POST /elsewhere"):
                    ask(gateway, shown, b"", line=line)
            for value in KEPT.values():
                ask(gateway, (), line=f"POST /servers/peer/mcp?access_token={value}")
                ask(gateway, (), line=f"POST /servers/{value}/mcp")
                ask(gateway, (("mcp-session-id", value),))
        written = {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
        yield statuses, {**written, "what the server got": bytes(tap.asked), "log": gateway.said.encode()}
    del os.environ["GATEWAY_SECRET"]


@pytest.mark.parametrize("way", WAYS)
def test_who_shows_something_good_gets_in_and_nobody_else(told, way):
    statuses, _ = told
    if WAYS[way][1]:
        assert statuses[way] == [200, 200]
    else:
        assert all(400 <= status < 500 for status in statuses[way])


@pytest.mark.parametrize("what", KEPT)
def test_I3_no_byte_of_it_is_left_anywhere(told, what):
    _, left = told
    said = KEPT[what].encode()
    forms = {said, base64.b64encode(said), said.hex().encode(), BASIC.encode()}
    assert {place: form for place, data in left.items() for form in forms if form in data} == {}


def test_that_it_would_be_seen_if_it_were_there(told):
    """The server was called, the journal written, by those who were let in."""
    _, left = told
    assert left["what the server got"].count(b"tools/list") >= 5
    assert left["state/events.db"].count(b"key:maya") >= 5
    assert b"authorization" not in left["what the server got"].lower()
    assert set(left) >= {"state/events.db", "bartizan.yml", "policy.yml"}
