"""What a process and everything that it started has used, from /proc: CPU seconds and resident memory."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of the living ones, and of the children that were waited for."""
    return sum(sum(int(field) for field in _stat(one)[11:15]) for one in family(pid)) / TICKS


def run_seconds(pid: int) -> float:
    """CPU time of the living ones to the nanosecond (the first field of schedstat), for windows of a few ticks."""
    return sum(_run_nanoseconds(one) for one in family(pid)) / 1e9


def resident_mb(pid: int) -> float:
    """Resident memory of the living ones, in units of 2**20 bytes; what they share counts for each."""
    return sum(_resident_pages(one) for one in family(pid)) * PAGE_BYTES / 2**20


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, waiting = list[int](), [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """Fields from the state on (proc_pid_stat(5)); empty for a process that has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _run_nanoseconds(pid: int) -> int:
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())
    except (OSError, ValueError):
        return 0


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
