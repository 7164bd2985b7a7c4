"""`bartizan connect`: how long a client waits for its first answer through it, and what a message then costs.

    python bench/gateway/connect.py [--starts 5] [--calls 2000]

A client on standard input and output, `connect`, the gateway and the echo server. A start is timed from that of
the process to the answer to `initialize`; CPU is that of `connect` alone. Exits with 1 when the median is 0.4 s
or more.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bartizan_target import ANYBODY, gateway_at, issuer_key, written
from run import started_upstream
from targets import Place, Running, end
from usage import cpu_seconds

AIM_SECONDS = 0.4
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


class Client:
    """A client that speaks through one `connect`."""

    def __init__(self, gateway: str, state: Path) -> None:
        self.begun, self.number = time.perf_counter(), 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bartizan", "connect", "echo", "--gateway", gateway],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "BARTIZAN_HOME": str(state)},
        )
        assert self.process.stdin
        assert self.process.stdout
        self.source, self.target = self.process.stdout, self.process.stdin

    def tell(self, message: dict[str, object]) -> None:
        self.target.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.target.flush()

    def ask(self, method: str, params: dict[str, object]) -> dict[str, object]:
        self.number += 1
        self.tell({"id": self.number, "method": method, "params": params})
        answer = json.loads(self.source.readline() or b"{}")
        if answer.get("id") != self.number or "result" not in answer:
            sys.exit(f"{method}: no answer, but {str(answer)[:300]}")
        return answer["result"]

    def open(self) -> float:
        """Seconds from the start of the process to the first answer."""
        self.ask("initialize", INITIALIZE)
        taken = time.perf_counter() - self.begun
        self.tell({"method": "notifications/initialized"})
        return taken

    def close(self) -> None:
        self.target.close()
        self.process.wait(10)


def costs(client: Client, calls: int, size: int) -> tuple[float, float]:
    """Microseconds of CPU for one call and its answer, and the median wait in milliseconds."""
    waits, used = list[float](), cpu_seconds(client.process.pid)
    for number in range(calls):
        begun = time.perf_counter()
        client.ask("tools/call", {"name": "echo", "arguments": {"text": f"{number:08d}" + "x" * size}})
        waits.append(time.perf_counter() - begun)
    return (cpu_seconds(client.process.pid) - used) / calls * 1e6, statistics.median(waits) * 1e3


def measure(running: Running, state: Path, starts: int, calls: int) -> float:
    gateway = running.url.removesuffix("/servers/echo/mcp")
    taken, used = list[float](), list[float]()
    for _ in range(starts):
        client = Client(gateway, state)
        taken.append(client.open())
        used.append(cpu_seconds(client.process.pid))
        client.close()
    middle = statistics.median(taken)
    print(f"start to first answer: median {middle:.3f} s of {starts}, least {min(taken):.3f} s; CPU {min(used):.2f} s")
    client = Client(gateway, state)
    client.open()
    for size in (1024, 65536):
        cost, wait = costs(client, calls if size == 1024 else calls // 10, size)
        print(f"{size // 1024:2} KB: {cost:.0f} us of CPU for a call and its answer, median wait {wait:.2f} ms")
    client.close()
    return middle


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--calls", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upstream, port = started_upstream(written(issuer_key(), folder))
        try:
            place = Place(folder=folder, cache=folder, upstream=f"http://127.0.0.1:{port}/mcp")
            running = gateway_at(place, ANYBODY)
            try:
                return 0 if measure(running, folder / "connect", given.starts, given.calls) < AIM_SECONDS else 1
            finally:
                end(running.process)
        finally:
            end(upstream)


if __name__ == "__main__":
    sys.exit(main())
