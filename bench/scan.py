"""What a scan of 200 servers costs: `python bench/scan.py [--servers 200] [--tools 20]`.

Three scans, each in processes of its own, three times: the home alone (`--home H --launch never`), the home with a
snapshot of every server (the whole scan and its store; only the starting of servers is left out, and what they would
answer comes from recordings of real servers), and the saved inventory of that judged again (`--from-snapshot`). CPU is
user and system time of the process, memory its largest resident set. The aims are 3 s and 200 MB for each.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bartizan.app.bootstrap import real_parts
from bartizan.app.config import Config
from bartizan.app.gather import Scope
from bartizan.app.probing import Launching
from bartizan.app.scan import CLEAN, FINDINGS, INCOMPLETE, saved, scan
from bartizan.model.inventory import Inventory
from bartizan.model.launch import Launch
from bartizan.model.snapshot import Snapshot
from bartizan.ports import Confined, Probed, Wanted
from bartizan.report import json as report

RECORDINGS = Path(__file__).parents[1] / "tests/fixtures/snapshots"
AIM_SECONDS, AIM_MEGABYTES, ROUNDS = 3.0, 200, 3
PLACES = {
    ".cursor/mcp.json": "mcpServers",
    ".config/Claude/claude_desktop_config.json": "mcpServers",
    ".config/Code/User/mcp.json": "servers",
    ".gemini/settings.json": "mcpServers",
    ".claude.json": "mcpServers",
}


def build_home(home: Path, servers: int) -> None:
    """Five clients that configure different servers, every second one with a made-up secret."""
    for number, (place, key) in enumerate(PLACES.items()):
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        entries = {f"server-{one}": entry(one) for one in range(number, servers, len(PLACES))}
        path.write_text(json.dumps({key: entries}, indent=2), encoding="utf-8")


def entry(number: int) -> dict[str, Any]:
    secret = {"env": {"API_TOKEN": "ghp_" + f"{number:04d}" * 9}} if number % 2 else {}
    return {
        "command": "npx",
        "args": ["-y", f"@example/server-{number}@1.0.{number}", "--root", f"/data/{number}"],
        **secret,
    }


class Recorded:
    """Stands for the prober and the sandbox: every server answers with `tools` definitions of real servers."""

    def __init__(self, tools: int) -> None:
        recordings = [
            msgspec.json.decode(path.read_bytes(), type=Inventory) for path in sorted(RECORDINGS.glob("*.json"))
        ]
        self._like = recordings[-1].snapshots[0]
        self._pool = itertools.cycle([tool for one in recordings for tool in one.snapshots[0].tools])
        self._tools = tools

    def available(self) -> str:
        return ""

    async def confine(self, launch: Launch, wanted: Wanted) -> Confined:
        return Confined(command=("true",), environment={})

    async def probe(self, server: str, launch: Launch, confined: Confined | None = None) -> Probed:
        tools = msgspec.json.decode(msgspec.json.encode(list(itertools.islice(self._pool, self._tools))))
        told: Snapshot = msgspec.structs.replace(
            self._like, server=server, tools=tuple(tools), taken_at=datetime.now(UTC)
        )
        return Probed(snapshot=told)


def scan_recorded(home: Path, tools: int, output: Path) -> None:
    """The child: a scan with everything real but the servers."""
    recorded = Recorded(tools)
    parts = msgspec.structs.replace(real_parts(Config()), prober=recorded, sandbox=recorded)
    scope = Scope(name="bench", homes=(str(home),))
    result = asyncio.run(scan(scope, Launching.SANDBOX, Config(), parts, lambda _: None))
    parts.store.close()
    output.write_text(saved(result.inventory), encoding="utf-8")
    print(len(report.render(result.inventory, result.findings)))


def measure(name: str, words: list[str], environment: dict[str, str], expected: int) -> bool:
    used = [run(words, environment, expected) for _ in range(ROUNDS)]
    cpu, memory = statistics.median(one[0] for one in used), max(one[1] for one in used)
    print(
        f"{name:24} {cpu:5.2f} s CPU (median of {ROUNDS}), {memory:4.0f} MB; "
        f"aims: {AIM_SECONDS:.0f} s, {AIM_MEGABYTES} MB"
    )
    return cpu < AIM_SECONDS and memory < AIM_MEGABYTES


def run(words: list[str], environment: dict[str, str], expected: int) -> tuple[float, float]:
    """CPU seconds and megabytes of one process."""
    process = subprocess.Popen([sys.executable, *words], env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == expected, words
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024 * (1 if sys.platform == "linux" else 1 / 1024)


def main(servers: int, tools: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        home, kept = Path(folder) / "home", Path(folder) / "saved.json"
        build_home(home, servers)
        environment = {**os.environ, "BARTIZAN_HOME": f"{folder}/state"}
        program = ["-m", "bartizan", "scan", "--launch", "never", "--format", "json"]
        met = [
            measure(
                "home, nothing started", [*program, "--home", str(home), "--launch", "never"], environment, INCOMPLETE
            ),
            measure("home with snapshots", [__file__, "--child", str(home), str(tools), str(kept)], environment, CLEAN),
            measure("saved inventory", [*program, "--from-snapshot", str(kept)], environment, FINDINGS),
        ]
        inventory = msgspec.json.decode(kept.read_bytes(), type=Inventory)
        megabytes = kept.stat().st_size / 1e6
    definitions = sum(len(one.tools) for one in inventory.snapshots)
    print(
        f"servers {len(inventory.snapshots)}, tools {definitions}, assets {len(inventory.assets)}, "
        f"saved {megabytes:.1f} MB"
    )
    return 0 if all(met) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        scan_recorded(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
        sys.exit(0)
    parser = argparse.ArgumentParser(description="What a scan of many servers costs.")
    parser.add_argument("--servers", type=int, default=200)
    parser.add_argument("--tools", type=int, default=20)
    arguments = parser.parse_args()
    sys.exit(main(arguments.servers, arguments.tools))
