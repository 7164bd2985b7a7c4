"""A script of frames, once to a server on its own streams and once through `connect`: the same frames come back.

In the modern era the gateway gives an id back as the client wrote it, however the server would have written it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.running import SERVERS, fronting

BARTIZAN = Path(sys.executable).with_name("bartizan")
SDK = [sys.executable, str(SERVERS / "sdk_server.py"), "stdio"]
TINY = [sys.executable, "-I", "-S", str(SERVERS / "tiny.py")]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


def frame(method: str, identity: Any = None, **params: Any) -> bytes:
    named = {} if identity is None else {"id": identity}
    return json.dumps({"jsonrpc": "2.0", **named, "method": method, "params": params}).encode()


LEGACY = [
    frame("initialize", 0, **HELLO),
    frame("notifications/initialized"),
    frame("ping", "p"),
    frame("tools/list", 2),
    frame("prompts/list", "two"),
    frame("resources/templates/list", -3),
    frame("tools/call", 2**53 + 1, name="fetch", arguments={"identity": "abc"}),
    frame("tools/call", "ü\u2028", name="fetch", arguments={"identity": "ABC"}),
    frame("tools/call", 6, name="nothing", arguments={}),
    b'{"id" : "\\u0061\\"b" ,"jsonrpc":"2.0",  "method":"resources/read","params":{"uri":"note:\\/\\/today"}}',
    frame("prompts/get", 8, name="summarise", arguments={"text": "\x00\ud83d\ude00"}),
]
MODERN = [
    frame("server/discover", 1, _meta=META),
    frame("tools/list", 2, _meta=META),
    frame("tools/call", "c", _meta={**META, "progressToken": 7}, name="fetch", arguments={"identity": "abc"}),
    frame("tools/call", 2**53 + 1, _meta=META, name="fetch", arguments={"identity": "ABC"}),
    b'{"id" : "a\\"b" ,"jsonrpc":"2.0",  "method":"resources/read","params":{"uri":"note:\\/\\/today","_meta":'
    + json.dumps(META).encode()
    + b"}}",
]


def conversed(command: list[str], script: list[bytes], environment: dict[str, str]) -> dict[str, bytes]:
    """Send frame after frame, each when the one before is answered; the answers by their ids as they are written."""
    answers: dict[str, bytes] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin
        assert process.stdout
        for one in script:
            process.stdin.write(one + b"\n")
            process.stdin.flush()
            if b'"id"' in one:
                line = process.stdout.readline()
                answers[json.dumps(json.loads(line)["id"])] = line
        process.stdin.close()
        assert process.stdout.read() == b""
    return answers


@pytest.mark.parametrize(
    ("command", "script"),
    [(SDK, LEGACY), (SDK, MODERN), (TINY, [LEGACY[0], LEGACY[1], LEGACY[3]])],
    ids=["sdk-legacy", "sdk-modern", "tiny-legacy"],
)
def test_every_frame_comes_back_through_connect_as_it_comes_direct(tmp_path, command, script):
    environment = {**os.environ, "BARTIZAN_HOME": str(tmp_path / "state")}
    direct = conversed(command, script, environment)
    assert len(direct) == sum(b'"id"' in one for one in script)
    with fronting(tmp_path, {"peer": {"command": command}}) as gateway:
        wrapped = [str(BARTIZAN), "connect", "peer", "--gateway", gateway.base]
        through = conversed(wrapped, script, environment)
    assert through == direct
