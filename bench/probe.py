"""Live servers probed in parallel: wall time against the slowest one.

    python bench/probe.py [--servers 20] [--parallel 20]

Three kinds in turn: `plain` (a stdio server of a few lines, so that our own cost shows), `sdk` (the official Python
SDK over stdio, whose start costs about a CPU second) and `http` (one SDK server over streamable HTTP, already running).
Each is first probed alone, one after the other, then all at once. `own CPU` is this process's, servers excluded.
"""

import argparse
import asyncio
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bartizan.adapters.probers.mcp import McpProber
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport

KEY = Secret("k" * 64)
SERVERS = Path(__file__).parents[1] / "tests/fixtures/servers"
PATIENT = msgspec.structs.replace(DEFAULT, probe_seconds_max=300, discover_seconds_max=120, start_seconds_max=300)


class Clock:
    """The system's."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def stdio(*words: str) -> Launch:
    return Launch(transport=Transport.STDIO, command=tuple(Secret(word) for word in (sys.executable, *words)))


async def probe(number: int, launch: Launch, room: asyncio.Semaphore) -> float:
    """Seconds of one probe, waiting for room excluded; it must have been whole."""
    async with room:
        began = time.perf_counter()
        probed = await McpProber(PATIENT, clock=Clock(), key=KEY).probe(f"server:{number}", launch)
        assert probed.snapshot, probed.looks
        assert probed.snapshot.tools, probed.looks
        assert all(look.complete for look in probed.looks), probed.looks
        return time.perf_counter() - began


async def measure(kind: str, launch: Launch, servers: int, parallel: int) -> str:
    room = asyncio.Semaphore(parallel)
    alone = [await probe(number, launch, room) for number in range(min(servers, 5))]
    began, cpu = time.perf_counter(), time.process_time()
    together = await asyncio.gather(*(probe(number, launch, room) for number in range(servers)))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return (
        f"{kind:6} {servers:3} servers, {parallel} at a time: wall {wall:6.2f} s, slowest {max(together):6.2f} s, "
        f"wall/slowest {wall / max(together):4.2f}, own CPU {cpu:5.2f} s; alone: {max(alone):5.2f} s"
    )


async def main(servers: int, parallel: int) -> None:
    plain = stdio("-I", "-S", str(SERVERS / "hostile.py"), "schema_bomb", "modern", "")
    print(await measure("plain", plain, servers, parallel))
    print(await measure("sdk", stdio(str(SERVERS / "sdk_server.py"), "stdio"), servers, parallel))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = [sys.executable, str(SERVERS / "sdk_server.py"), "streamable-http", str(listener.fileno())]
        process = await asyncio.create_subprocess_exec(*words, pass_fds=(listener.fileno(),))
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
            http = Launch(transport=Transport.STREAMABLE_HTTP, url=Secret(url))
            print(await measure("http", http, servers, parallel))
        finally:
            process.terminate()
            await process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Live servers probed in parallel.")
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=20)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.servers, arguments.parallel))
