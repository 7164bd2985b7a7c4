"""How long a user waits for `bartizan --help`: `python bench/help.py [ROUNDS]`.

Median of ROUNDS (default 10) fresh processes, after one that warms the disk cache. The aim is 0.25 s of wall time.
"""

import os
import statistics
import subprocess
import sys
import time

AIM_SECONDS = 0.25


def main(rounds: int) -> int:
    measured = [measure() for _ in range(rounds + 1)][1:]
    wall = statistics.median(one[0] for one in measured)
    cpu = statistics.median(one[1] for one in measured)
    print(f"bartizan --help  {wall:.3f} s wall, {cpu:.3f} s CPU (medians of {rounds}); aim: {AIM_SECONDS} s")
    return 0 if wall <= AIM_SECONDS else 1


def measure() -> tuple[float, float]:
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "bartizan", "--help"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
