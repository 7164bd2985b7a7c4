"""How long discovery of this machine's processes takes: `python bench/processes.py [EXTRA]`.

Starts EXTRA (default 300, at most 2,000) idle processes joined to this one by pipes, reads the table and judges it,
five times, and prints the slowest and the median wall time. The aim is under one second.
"""

import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime

from bartizan.adapters.collectors.processes import process_collector
from bartizan.discover.processes import read_processes
from bartizan.model.secret import Secret

ROUNDS = 5


def main(extra: int) -> int:
    started: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(extra):
            started.append(subprocess.Popen(["sleep", "120"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))  # noqa: PERF401  what was started must be ended
        rounds = [measure() for _ in range(ROUNDS)]
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.communicate()
    slowest = max(collect + judge for collect, judge, _ in rounds)
    print(f"processes   {rounds[0][2]}")
    print(f"read        {statistics.median(collect for collect, _, _ in rounds):.3f} s (median of {ROUNDS})")
    print(f"judged      {statistics.median(judge for _, judge, _ in rounds):.3f} s (median of {ROUNDS})")
    print(f"both        {slowest:.3f} s (slowest of {ROUNDS}); aim: under 1 s")
    return 0 if slowest < 1 else 1


def measure() -> tuple[float, float, int]:
    before = time.perf_counter()
    collected = process_collector().collect()
    between = time.perf_counter()
    read_processes(collected.records, client_programs={}, key=Secret("bench"), at=datetime.now(UTC))
    return between - before, time.perf_counter() - between, len(collected.records)


if __name__ == "__main__":
    sys.exit(main(min(2000, int(sys.argv[1]) if len(sys.argv) > 1 else 300)))
