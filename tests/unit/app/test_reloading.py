"""Reload and end of a gateway: what is under way goes on, a mistake changes nothing, the end is in order."""

import asyncio
import os
import queue
import signal
import socket
import ssl
import threading
from datetime import UTC, datetime
from typing import Any, cast

import httpx2
import msgspec
import pytest

from bartizan.adapters.authority import Purpose
from bartizan.adapters.vaults.local import LocalVault
from bartizan.adapters.vaults.references import References
from bartizan.app.bus import open_bus
from bartizan.app.config import Config
from bartizan.app.running import running
from bartizan.app.serving import Keys, serve
from bartizan.app.tls import Wanted, authority_file, init
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from fixtures.streaming_server import streaming_server

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "slow", "arguments": {}}}
LIST = {"jsonrpc": "2.0", "id": 8, "method": "tools/list"}
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-06-18",
}
POLICY = """\
servers: {slow: {anonymous: true, accepts: [unauthenticated, exposed]}}
roles: {anyone: [{principal: anonymous}]}
allow:
  - {role: anyone, server: slow, tools: [TOOL], may: write}
"""
LIMITS = Limits(reload_seconds=0.02, drain_seconds_max=20)


class Running:
    """A gateway on a loop of its own thread; signals are given to it as the system would."""

    def __init__(self, folder, upstream, *, tls=None, tool="slow", limits=LIMITS):
        self.folder, self.said = folder, queue.Queue()
        self.policy(tool)
        entry = {"listen": "127.0.0.1:0", "servers": {"slow": {"url": upstream}}, **({"tls": tls} if tls else {})}
        config = msgspec.convert({"gateway": entry, "policy": ["policy.yml"]}, Config)
        vault = LocalVault(folder / "vault")
        keys = Keys(session=Secret("s" * 32), fingerprint=Secret("f" * 32))
        self.bus = open_bus(folder)
        self.handlers: dict[int, Any] = {}
        self.loop: Any = None

        async def run():
            self.loop = loop = cast("Any", asyncio.get_running_loop())
            loop.add_signal_handler = lambda number, call, *_: self.handlers.__setitem__(number, call)
            loop.remove_signal_handler = lambda number: self.handlers.pop(number, None) is not None
            read = References(vault).read
            path = folder / "bartizan.yml"
            await serve(config, path, keys=keys, read=read, bus=self.bus, told=self.said.put, limits=limits)

        self.thread = threading.Thread(target=lambda: asyncio.run(run()))
        self.thread.start()
        self.url = self.said.get(timeout=20)
        self.base = self.url.partition("/servers")[0]

    def policy(self, tool):
        text = POLICY.replace("TOOL", tool)
        draft = self.folder / "draft"
        draft.write_text(text)
        draft.replace(self.folder / "policy.yml")

    def signal(self, number):
        self.loop.call_soon_threadsafe(self.handlers[number])

    def told(self):
        return self.said.get(timeout=20)

    def events(self, name):
        kept = self.bus.read(0, 1000).events
        return [one.event for one in kept if one.event.activity_name == name]

    def wait(self):
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def server():
    with streaming_server() as started:
        yield started


@pytest.fixture
def start(tmp_path, server, monkeypatch):
    monkeypatch.setenv("BARTIZAN_HOME", str(tmp_path))
    made = []

    def begin(**more):
        made.append(Running(tmp_path, server.url, **more))
        return made[-1]

    yield begin
    for one in made:
        if one.thread.is_alive():
            server.release.set()
            one.signal(signal.SIGTERM)
            one.wait()
        one.bus.close()


class Called(threading.Thread):
    """A call whose answer is a stream, read by a thread to its end."""

    def __init__(self, url, **more):
        super().__init__()
        self.url, self.more, self.text, self.failure = url, more, "", None
        self.start()

    def run(self):
        try:
            with httpx2.stream("POST", self.url, json=CALL, headers=HEADERS, timeout=60, **self.more) as answer:
                for piece in answer.iter_text():
                    self.text += piece
        except httpx2.TransportError as error:
            self.failure = error

    def ended(self):
        self.join(30)
        return self.text


def post(gateway, message, **more):
    return httpx2.post(gateway.url, json=message, headers=HEADERS, timeout=30, **more)


def test_a_changed_policy_holds_at_once_and_what_is_under_way_goes_on(start, server):
    gateway = start()
    under_way = Called(gateway.url)
    assert server.called.wait(20)
    before = gateway.events("tools/call")[0].unmapped["policy"]
    gateway.policy("other")
    assert gateway.told().startswith("reloaded: policy ")
    refused = post(gateway, CALL)
    assert refused.json()["error"]["code"] == -32602
    server.release.set()
    assert '"id": 7, "result"' in under_way.ended()
    first, second = gateway.events("tools/call")
    assert first.unmapped["policy"] == before != second.unmapped["policy"]
    (reload,) = gateway.events("reload")
    assert reload.unmapped == {"policy": second.unmapped["policy"], "was": before}


def test_a_mistake_keeps_the_old_policy_and_says_where_it_is(start, server, tmp_path):
    gateway = start()
    gateway.policy("slow], tols: [x")
    said = gateway.told()
    assert "not reloaded, the policy of before stays" in said
    assert "policy.yml:4" in said
    server.release.set()
    assert '"result"' in post(gateway, CALL).text
    (event,) = gateway.events("reload")
    assert (event.status, "policy.yml:4" in event.message) == ("Failure", True)
    (row,) = running(tmp_path)
    assert (row.pid, row.listen) == (os.getpid(), gateway.base)
    assert "policy.yml:4" in row.troubles[0]
    gateway.policy("slow")
    assert gateway.told().startswith("reloaded")
    (row,) = running(tmp_path)
    assert row.troubles == ()


def test_SIGHUP_reloads_what_no_look_at_files_can_notice(start):
    gateway = start(limits=Limits(reload_seconds=600))
    gateway.signal(signal.SIGHUP)
    assert gateway.told().startswith("reloaded: policy ")


def test_what_was_used_of_a_limit_stays_used(start, server):
    server.release.set()
    gateway = start(tool='"*"], never: [x')
    limited = (gateway.folder / "policy.yml").read_text() + "limits: [{per: [principal], calls: 2, window: 1h}]\n"
    (gateway.folder / "policy.yml").write_text(limited)
    assert gateway.told().startswith("reloaded")
    assert [post(gateway, LIST).status_code for _ in range(3)] == [200, 200, 429]
    (gateway.folder / "policy.yml").write_text(limited + "loops: {calls: 3, window: 1m}\n")
    assert gateway.told().startswith("reloaded")
    assert post(gateway, LIST).status_code == 429


@pytest.fixture
def certified(tmp_path):
    init(tmp_path, Wanted(), datetime.now(UTC))
    context = ssl.create_default_context(cafile=str(authority_file(tmp_path, Purpose.GATEWAY)))
    tls = {"certificate": "tls/gateway.pem", "key": f"file:{tmp_path}/tls/gateway.key"}
    return tls, context


def serial(gateway, context):
    host, port = gateway.base.removeprefix("https://").split(":")
    with (
        socket.create_connection((host, int(port)), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        return wrapped.getpeercert()["serialNumber"]


def test_new_certificates_are_taken_and_a_stream_goes_on(start, server, certified, tmp_path):
    tls, context = certified
    gateway = start(tls=tls)
    under_way = Called(gateway.url, verify=context)
    assert server.called.wait(20)
    before = serial(gateway, context)
    (tmp_path / "tls/gateway.pem").unlink()
    assert "not reloaded, the certificates of before stays" in gateway.told()
    assert serial(gateway, context) == before
    (tmp_path / "tls/gateway.key").unlink()
    init(tmp_path, Wanted(), datetime.now(UTC))
    while not gateway.told().startswith("reloaded"):  # between its key and itself, it may have been told once more
        pass
    assert serial(gateway, context) != before
    server.release.set()
    assert '"id": 7, "result"' in under_way.ended()


def test_on_SIGTERM_it_is_not_ready_takes_no_calls_and_lets_a_stream_end(start, server, tmp_path):
    gateway = start()
    assert httpx2.get(gateway.base + "/readyz").status_code == 200
    under_way = Called(gateway.url)
    assert server.called.wait(20)
    gateway.signal(signal.SIGTERM)
    ready = httpx2.Response(200)
    while ready.status_code == 200:
        ready = httpx2.get(gateway.base + "/readyz")
    assert (ready.status_code, ready.headers["connection"]) == (503, "close")
    assert httpx2.get(gateway.base + "/healthz").status_code == 200
    refused = post(gateway, CALL)
    assert (refused.status_code, refused.json()["error"]["message"]) == (503, "This gateway is about to end")
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    assert post(gateway, note).status_code != 503  # it may be what lets a call end
    server.release.set()
    assert '"id": 7, "result"' in under_way.ended()
    gateway.wait()
    assert running(tmp_path) == []


def test_what_outlasts_the_drain_is_ended(start, server):
    gateway = start(limits=Limits(drain_seconds_max=0.2, stop_seconds_max=1))
    under_way = Called(gateway.url)
    assert server.called.wait(20)
    gateway.signal(signal.SIGTERM)
    gateway.wait()
    assert '"result"' not in under_way.ended()
    assert under_way.failure is not None
    (end,) = gateway.events("answer")
    assert end.status == "Failure"
