"""The gateway beside its peers in one run: calls a CPU second, added wait, memory; a Markdown table.

    python bench/gateway/run.py [--quick] [--only bartizan,direct] [--seconds 3]

Three processes on loopback: the upstream (upstream.py), the gateway on a core of its own, and sessions that each call
again when they are answered (load.py). Every answer is checked. What counts is CPU time of the gateway with everything
that it started; the wait is what it adds to a direct call, at one session. Peers are installed from their registries
into virtual environments under --cache; one that cannot be is said so. Exits with 1 when an aim is missed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from bartizan_target import issuer_key, ours, written
from peer_targets import ENVIRONMENTS, PEERS
from targets import HERE, NotMeasuredError, Place, Running, Target, end, version_of

CELLS = ((1024, 1), (1024, 16), (65536, 1), (65536, 16), (1024, 64), (65536, 64))
QUICK = ((1024, 1), (1024, 16), (65536, 16))
LOAD_SECONDS = 240
AIMS = (  # what, its least or most, for our own gateway
    ("calls a CPU second, 1 KB", 18_000, 1),
    ("calls a CPU second, 64 KB", 4_000, 1),
    ("added p50 ms, 1 KB", 0.2, -1),
    ("MB at 64 sessions", 120, -1),
)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What one load said."""

    calls: int
    calls_cpu_second: float
    best_cpu_second: float
    calls_second: float
    p50_ms: float
    p95_ms: float
    resident_mb: float


Cells = dict[tuple[int, int], Cell]
Line = dict[str, str]


def load(running: Running, pid: int, size: int, sessions: int, era: str, seconds: float) -> Cell:
    """One load. Raises NotMeasuredError with the last that it said."""
    command = [sys.executable, HERE / "load.py", running.url, "--pid", pid, "--size", size, "--sessions", sessions]
    command += ["--era", era, "--seconds", seconds]
    for header in running.headers:
        command += ["--header", header]
    pinned = ["taskset", "-c", "1"] if len(os.sched_getaffinity(0)) > 1 else []
    try:
        done = subprocess.run(
            [*pinned, *map(str, command)], capture_output=True, text=True, check=False, timeout=LOAD_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotMeasuredError(f"no call ended within {LOAD_SECONDS} s") from None
    if done.returncode:
        raise NotMeasuredError((done.stderr.strip().splitlines() or ["no reason given"])[-1][:160])
    return msgspec.json.decode(done.stdout, type=Cell)


def measured(target: Target, era: str, given: argparse.Namespace, jwks: Path) -> Cells:
    """Every cell of a target in one era. Raises NotMeasuredError when it does not start."""
    with tempfile.TemporaryDirectory() as folder:
        upstream, port = started_upstream(jwks)
        running: Running | None = None
        try:
            url = f"http://127.0.0.1:{port}/mcp"
            running = target.start(Place(folder=Path(folder), cache=given.cache, upstream=url))
            return _loads(target.name, running, era, given)
        finally:
            for process in (running.process if running else None, upstream):
                if process:
                    end(process)


def _loads(name: str, running: Running, era: str, given: argparse.Namespace) -> Cells:
    found: Cells = {}
    for size, sessions in QUICK if given.quick else CELLS:
        try:
            cell = load(running, running.process.pid, size, sessions, era, given.seconds)
        except NotMeasuredError as error:
            print(f"{name}, {era}, {size // 1024} KB, {sessions} sessions: {error}", file=sys.stderr)
            continue
        found[size, sessions] = cell
        told = f"{name}, {era}, {size // 1024} KB, {sessions} sessions: {cell.calls_cpu_second:.0f} calls a CPU second"
        told += f", best {cell.best_cpu_second:.0f}; p50 {cell.p50_ms:.2f} ms, p95 {cell.p95_ms:.2f} ms"
        print(f"{told}, {cell.resident_mb:.0f} MB", file=sys.stderr)
    return found


def started_upstream(jwks: Path, cpu: int = 1) -> tuple[subprocess.Popen[str], int]:
    pinned = ["taskset", "-c", str(cpu)] if len(os.sched_getaffinity(0)) > 1 else []
    command = [*pinned, sys.executable, str(HERE / "upstream.py"), "--jwks", str(jwks)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    return process, int((process.stdout or sys.exit()).readline())


def direct(jwks: Path) -> Target:
    """No gateway: the upstream itself, on the gateway's core."""

    def start(place: Place) -> Running:
        process, port = started_upstream(jwks, cpu=0)
        return Running(process=process, url=f"http://127.0.0.1:{port}/mcp")

    return Target(name="direct", guards="no gateway", start=start, eras=("legacy", "modern"))


def line(cells: Cells, base: Cells) -> Line:
    """The figures of one target, beside those without a gateway."""

    def told(size: int, sessions: int, say: str, field: str, *, added: bool = False) -> str:
        cell, none = cells.get((size, sessions)), base.get((size, sessions))
        if cell is None or (added and none is None):
            return "-"
        value = getattr(cell, field) - (getattr(none, field) if added else 0)
        return format(value, say)

    resident = [cell.resident_mb for (_, sessions), cell in cells.items() if sessions == 64]
    return {
        "calls a CPU second, 1 KB": told(1024, 16, ".0f", "calls_cpu_second"),
        "calls a CPU second, 64 KB": told(65536, 16, ".0f", "calls_cpu_second"),
        "added p50 ms, 1 KB": told(1024, 1, ".2f", "p50_ms", added=True),
        "added p95 ms, 1 KB": told(1024, 1, ".2f", "p95_ms", added=True),
        "added p50 ms, 64 KB": told(65536, 1, ".2f", "p50_ms", added=True),
        "MB at 64 sessions": format(max(resident), ".0f") if resident else "-",
    }


def table(lines: dict[str, Line], guards: dict[str, str]) -> str:
    columns = list(next(iter(lines.values())))
    rows = [f"| | guards that were on | {' | '.join(columns)} |", f"|---|---|{'---|' * len(columns)}"]
    rows += [
        f"| {name} | {guards[name]} | {' | '.join(cells[column] for column in columns)} |"
        for name, cells in lines.items()
    ]
    return "\n".join(rows)


def missed(name: str, cells: Line) -> list[str]:
    """The aims that a line of our own misses, or has no figure for."""
    return [
        f"{name}: {what}: {cells[what]}, aim {aim}"
        for what, aim, sign in AIMS
        if cells[what] == "-" or float(cells[what]) * sign < aim * sign
    ]


def chosen(targets: Sequence[Target], only: str) -> list[Target]:
    words = [word.strip().lower() for word in only.split(",") if word.strip()]
    return [one for one in targets if not words or any(word in one.name.lower() for word in words)]


def measure(given: argparse.Namespace) -> int:
    lines: dict[str, Line] = {}
    guards: dict[str, str] = {}
    misses: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        key = issuer_key()
        jwks = written(key, Path(folder))
        own = ours(key, tuple(given.python_option))
        whole = ours(key, tuple(given.python_option), contents=True)
        base = {era: measured(direct(jwks), era, given, jwks) for era in given.era}
        for target in chosen([direct(jwks), own, whole, *PEERS], given.only):
            for era in [era for era in given.era if era in target.eras]:
                try:
                    cells = base[era] if target.name == "direct" else measured(target, era, given, jwks)
                except NotMeasuredError as error:
                    print(f"{target.name}, {era}: not measured: {error}", file=sys.stderr)
                    continue
                version = (
                    version_of(given.cache / ENVIRONMENTS[target.package] / "bin", target.package)
                    if (target.package)
                    else ""
                )
                name = f"{target.name} {version}".strip() + (", modern era" if era == "modern" else "")
                lines[name], guards[name] = line(cells, base[era]), target.guards
                misses += missed(name, lines[name]) if target is own and not given.quick else []
    if lines:
        print(table(lines, guards))
    print(*(f"missed: {miss}" for miss in misses), sep="\n", file=sys.stderr)
    return 1 if misses else 0


def main() -> int:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "bartizan-bench")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three cells of a second each, no aims")
    parser.add_argument("--only", default="", help="words of names of targets, with commas: direct,bartizan,sdk")
    parser.add_argument("--era", action="append", choices=["legacy", "modern"], help="default: both")
    parser.add_argument("--seconds", type=float, help="of each cell (default 3, quick 1)")
    parser.add_argument("--cache", type=Path, default=cache, help="where peers are installed (default %(default)s)")
    parser.add_argument("--python-option", action="append", default=[], help="of our gateway's interpreter: a profiler")
    given = parser.parse_args()
    given.era = given.era or ["legacy", "modern"]
    given.seconds = given.seconds or (1.0 if given.quick else 3.0)
    return measure(given)


if __name__ == "__main__":
    sys.exit(main())
