"""Starts one command and leaves nothing of it behind. Standard library only; run as a script, never imported.

    python -I -S reaper.py CONTROL_FD

The control socket brings one JSON line `{"command", "environment", "directory", "grace_seconds", "kill_seconds"}`.
Back go the lines `started PID`, `failed REASON` and `exited CODE`. When the other end closes, or this process gets
SIGTERM, everything that descends from the command is ended: those that left its session and process group, and those
whose parents died, too. On Linux that works because this process is a child subreaper, so orphans come to it.
Exits 0 when nothing is left, 3 when something could not be killed.

A server of the same user can kill this process first; what had left its process group by then escapes. The transport
says so, and only the sandbox, with its own process namespace, prevents it.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PROC = Path("/proc")
SPEC_BYTES_MAX = 4 * 1024 * 1024


def main(descriptor: int) -> int:
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    become_subreaper()
    wake = wake_on_signals()
    spec = read_spec(control)
    if spec is None:
        return 0
    child = start(spec, control)
    if child:
        watch(control, wake, child)
    return stop(child, float(spec["grace_seconds"]), float(spec["kill_seconds"]))


def become_subreaper() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wake_on_signals() -> int:
    """A descriptor that becomes readable when a child ends or this process is asked to stop."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ignore)  # a handler, for the descriptor is written to only where one is set
    return reading


def ignore(_number: int, _frame: FrameType | None) -> None:
    pass


def read_spec(control: socket.socket) -> dict[str, Any] | None:
    data = b""
    while not data.endswith(b"\n") and len(data) < SPEC_BYTES_MAX:
        if not (piece := control.recv(65536)):
            return None
        data += piece
    return json.loads(data)


def start(spec: dict[str, Any], control: socket.socket) -> int:
    """Start the command in a session of its own on this process's standard streams; 0 when it cannot be."""
    try:
        child = subprocess.Popen(  # noqa: S603 - to start what it is told is its purpose
            spec["command"],
            env=spec["environment"],
            cwd=spec["directory"],
            start_new_session=True,
            restore_signals=True,
            preexec_fn=before_exec,  # noqa: PLW1509 - this process has one thread
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        say(control, f"failed {reason}")
        return 0
    finally:
        let_go_of_streams()
    child.returncode = 0  # it is waited for in `reap`, not by the object
    say(control, f"started {child.pid}")
    return child.pid


def before_exec() -> None:
    """In the child: it dies with this process, and dumps no core, for that would hold secrets."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def let_go_of_streams() -> None:
    """So that the end of the command's output is the end of the stream."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)


def watch(control: socket.socket, wake: int, child: int) -> None:
    """Wait until we are to stop; say when the command ends by itself."""
    while True:
        ready, _, _ = select.select([control, wake], [], [])
        if control in ready:
            return
        woken = os.read(wake, 4096)
        if any(number != signal.SIGCHLD for number in woken):
            return
        if (code := reap().get(child)) is not None:
            say(control, f"exited {code}")


def reap() -> dict[int, int]:
    """Take every child that has ended; the exit code by process, negative for a signal."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended


def say(control: socket.socket, line: str) -> None:
    with contextlib.suppress(OSError):
        control.sendall(line.encode() + b"\n")


def stop(child: int, grace_seconds: float, kill_seconds: float) -> int:
    """End of input (which has come by now), then SIGTERM, then SIGKILL until nobody is left."""
    if child and not ends_within(grace_seconds):
        send(descendants(child), signal.SIGTERM)
        ends_within(grace_seconds)
    ends = time.monotonic() + kill_seconds
    while time.monotonic() < ends:
        reap()
        left = descendants(child)
        if not left:
            return 0
        send(left, signal.SIGSTOP)  # so that none of them forks while the next ones are looked up
        send(left, signal.SIGKILL)
        time.sleep(0.01)
    return 3


def ends_within(seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        reap()
        if not has_children():
            return True
        time.sleep(0.01)
    return False


def has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def descendants(child: int) -> list[int]:
    """Every living process below this one. Without /proc: the command's process group, while it is there."""
    if not PROC.joinpath("self/stat").exists():
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        return [child] if has_children() else []
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (parent := parent_of(entry)):
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    todo = list(children.get(os.getpid(), ()))
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, ())
    return found


def parent_of(entry: Path) -> int:
    """The parent of a process; 0 when it is gone. A zombie counts: only its first thread may have ended."""
    try:
        return int(entry.joinpath("stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
