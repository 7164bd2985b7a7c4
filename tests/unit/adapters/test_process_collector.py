"""The process collector against real processes of this machine."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bartizan.adapters.collectors import processes_linux
from bartizan.adapters.collectors.processes import UnsupportedProcesses, process_collector
from bartizan.adapters.collectors.processes_linux import LinuxProcesses
from bartizan.model.coverage import Outcome
from bartizan.model.limits import Limits
from bartizan.model.record import ProcessRecord

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
Start = Callable[..., subprocess.Popen[bytes]]
READY = "import sys; print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program with pipes and wait for its first line; whatever happens, it is ended."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options}
        process = subprocess.Popen(command, **options)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]
        started.append(process)
        if process.stdout:
            process.stdout.readline()
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def record_of(pid: int, limits: Limits | None = None) -> ProcessRecord:
    collected = process_collector(limits or Limits()).collect()
    return next(record for record in collected.records if record.pid == pid)


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_pipes_of_a_child_are_held_by_its_parent_with_the_opposite_mode(start: Start) -> None:
    child = start(python(READY))
    records = {record.pid: record for record in process_collector().collect().records}
    mine, its = records[os.getpid()], records[child.pid]
    assert its.parent_pid == mine.pid
    assert its.pipes_read & mine.pipes_written
    assert its.pipes_written & mine.pipes_read
    assert not its.pipes_read & its.pipes_written


def test_the_other_end_of_a_unix_socket_is_found(start: Start) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = start(python(READY), pass_fds=[theirs.fileno()])
        theirs_inode = os.fstat(theirs.fileno()).st_ino
        theirs.close()
        records = {record.pid: record for record in process_collector().collect().records}
        assert theirs_inode in records[child.pid].sockets
        assert os.fstat(ours.fileno()).st_ino in records[child.pid].socket_peers & records[os.getpid()].sockets


def test_listening_sockets_are_seen_with_address_and_port(start: Start) -> None:
    code = (
        "import socket; four = socket.create_server(('127.0.0.1', 0));"
        "six = socket.create_server(('::1', 0), family=socket.AF_INET6);"
        "print(four.getsockname()[1], six.getsockname()[1], flush=True); input()"
    )
    child = subprocess.Popen(python(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        four, six = child.stdout.readline().split()
        found = {(one.address, one.port) for one in record_of(child.pid).listening}
    finally:
        child.kill()
        child.communicate()
    assert found == {("127.0.0.1", int(four)), ("::1", int(six))}


def test_only_values_of_credential_variables_are_kept_and_they_cannot_print(start: Start) -> None:
    value = "ghp_" + "A1b2" * 9
    child = start(python(READY), env={"GITHUB_TOKEN": value, "HOME": "/nowhere", "PWD": "/secret-project"})
    record = record_of(child.pid)
    assert set(record.environment) == {"GITHUB_TOKEN"}
    assert record.environment["GITHUB_TOKEN"].reveal() == value
    assert {"GITHUB_TOKEN", "HOME", "PWD"} <= set(record.environment_names)
    assert value not in repr(record)


def test_command_directory_and_user_are_those_of_the_process(start: Start, tmp_path: Path) -> None:
    child = start(python(READY, "", "two words", "ü"), cwd=tmp_path)
    record = record_of(child.pid)
    assert [word.reveal() for word in record.command][3:] == ["", "two words", "ü"]
    assert record.directory == str(tmp_path)
    assert record.uid == os.getuid()
    assert record.executable == str(Path(sys.executable).resolve())


def test_a_start_time_is_the_same_in_every_pass(start: Start) -> None:
    child = start(python(READY))
    assert record_of(child.pid).started == record_of(child.pid).started > 1_600_000_000


def test_a_name_made_to_confuse_the_parser_changes_nothing(start: Start) -> None:
    code = "open('/proc/self/comm', 'w').write(') Z 1 1 (x');" + READY
    assert record_of(start(python(code)).pid).parent_pid == os.getpid()


def test_a_script_behind_a_link_is_resolved_and_known_as_a_server(start: Start, tmp_path: Path) -> None:
    script = tmp_path / "real.py"
    script.write_text(f"# from mcp.server import MCPServer\n{READY}\n")
    (tmp_path / "link.py").symlink_to(script)
    record = record_of(start([sys.executable, "-u", "link.py"], cwd=tmp_path).pid)
    assert record.script == str(script)
    assert record.serves_mcp


def test_a_named_pipe_for_a_script_is_never_waited_on(start: Start, tmp_path: Path) -> None:
    pipe = tmp_path / "script.py"
    os.mkfifo(pipe)
    record = record_of(start(python(READY, str(pipe))).pid)
    assert record.script == ""


def test_a_limit_that_cuts_is_said(start: Start) -> None:
    child = start(python(READY, "x" * 500))
    limits = Limits(command_line_bytes_max=100, process_descriptors_max=1, environment_bytes_max=10)
    collected = process_collector(limits).collect()
    cut = [look.reason for look in collected.looks if look.outcome is Outcome.TRUNCATED]
    assert len(cut) == 3
    record = next(record for record in collected.records if record.pid == child.pid)
    assert sum(len(word.reveal()) + 1 for word in record.command) <= 101


def test_more_processes_than_the_limit_are_said(start: Start) -> None:
    start(python(READY))
    collected = process_collector(Limits(processes_max=1)).collect()
    assert len(collected.records) <= 1
    assert any(look.outcome is Outcome.TRUNCATED and "left out" in look.reason for look in collected.looks)


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
def test_processes_of_other_users_are_counted_not_silently_missing(start: Start) -> None:
    child = start(python(READY), env={"GITHUB_TOKEN": "x" * 20})
    os.seteuid(65534)
    try:
        collected = process_collector().collect()
    finally:
        os.seteuid(0)
    record = next(record for record in collected.records if record.pid == child.pid)
    assert record.problem
    assert record.command
    assert not record.environment
    told = [look for look in collected.looks if "of other users are not part of this scan" in look.reason]
    assert [look.outcome for look in told] == [Outcome.LOOKED]


IN_A_NAMESPACE = """
import ctypes, os, socket, sys
if ctypes.CDLL(None).unshare(0x40000000): print("refused", flush=True); sys.exit()
ours, theirs = socket.socketpair()
server = socket.create_server(("0.0.0.0", 0))
print(os.fstat(ours.fileno()).st_ino, os.fstat(theirs.fileno()).st_ino, flush=True)
input()
"""


@pytest.mark.skipif(not AS_ROOT, reason="only root can make and enter network namespaces")
def test_sockets_of_another_network_namespace_are_paired_and_its_ports_are_not_ours() -> None:
    child = subprocess.Popen(python(IN_A_NAMESPACE), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        line = child.stdout.readline().split()
        if line == [b"refused"]:
            pytest.skip("this machine allows no network namespaces")
        before = Path("/proc/thread-self/ns/net").readlink()
        record = record_of(child.pid)
    finally:
        child.kill()
        child.communicate()
    assert {int(inode) for inode in line} <= record.socket_peers
    assert not record.own_network
    assert len(record.listening) == 1
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_a_machine_without_a_process_table_is_a_look(tmp_path: Path) -> None:
    (look,) = LinuxProcesses(root=tmp_path / "nothing").collect().looks
    assert look.outcome is Outcome.FAILED


def test_elsewhere_the_absence_of_the_process_table_is_a_look() -> None:
    collector = process_collector(system="win32")
    assert isinstance(collector, UnsupportedProcesses)
    (look,) = collector.collect().looks
    assert not look.complete
    assert "win32" in look.reason


def test_a_process_of_which_only_the_number_shows_is_counted_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under `hidepid=1`."""
    real = processes_linux._folder  # pyright: ignore[reportPrivateUsage]

    def closed(name: str, at: int | None = None):
        if name == f"/proc/{os.getpid()}":
            raise PermissionError(1, "Operation not permitted")
        return real(name, at)

    monkeypatch.setattr(processes_linux, "_folder", closed)
    collected = LinuxProcesses().collect()
    assert os.getpid() not in {record.pid for record in collected.records}
    assert any(
        re.search(r"[1-9]\d* process(es)? (could not be read|of other users)", one.reason) for one in collected.looks
    )
