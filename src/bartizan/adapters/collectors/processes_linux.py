"""Reads the process table of Linux from `/proc`: bounded, and honest about what this user may not see."""

import os
import re
import stat
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import msgspec

from bartizan.adapters.collectors.sockets_linux import listening_sockets, unix_peers, unix_peers_of
from bartizan.model.coverage import Look, Outcome
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.record import Listening, ProcessRecord
from bartizan.model.secret import Secret
from bartizan.ports import Collected
from bartizan.text.patterns import names_credential

_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, linux/sched.h
_CONTAINER = re.compile(r"(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])")
_INTERPRETER = re.compile(r"(?:python|pypy|node|bun|deno|ruby|tsx|ts-node)[\w.\-]{0,16}")
# What only a program that serves MCP has reason to say.
_SERVER_MARKS = (
    b"@modelcontextprotocol/sdk/server",
    b"@modelcontextprotocol/server",
    b"McpServer(",
    b"MCPServer(",
    b"FastMCP(",
    b"mcp.server",
)


class LinuxProcesses:
    """Every process that this user may look at, but kernel threads and the dead."""

    def __init__(self, limits: Limits = DEFAULT, *, root: Path = Path("/proc")) -> None:
        self._limits, self._root = limits, str(root)

    def collect(self) -> Collected[ProcessRecord]:
        """One pass over the table. A process that ends while it is read is left out."""
        return _Pass(self._limits, self._root).collect()


class _Stat(msgspec.Struct, frozen=True):
    parent: int
    started_ticks: int


class _Descriptors(msgspec.Struct):
    pipes_read: set[int]
    pipes_written: set[int]
    sockets: set[int]


class _Pass:
    """One reading of the table, with what it could not read counted by kind."""

    def __init__(self, limits: Limits, root: str) -> None:
        self._limits, self._root = limits, root
        self._looks: list[Look] = []
        self._refused = 0
        self._cut: Counter[str] = Counter()
        self._descriptors_left = limits.descriptors_max
        self._listening: dict[str, dict[int, Listening]] = {}
        self._peer_tables: dict[str, dict[int, int]] = {}

    def collect(self) -> Collected[ProcessRecord]:
        try:
            pids = sorted(int(name) for name in _names(self._root) if name.isdigit())
        except OSError as error:
            reason = f"{self._root} cannot be read ({error.strerror}): running servers are not in this result"
            return Collected(looks=(Look(part="processes", outcome=Outcome.FAILED, reason=reason),))
        if len(pids) > self._limits.processes_max:
            self._cut["processes"] = len(pids) - self._limits.processes_max
            pids = pids[-self._limits.processes_max :]
        records = [record for pid in pids if (record := self._process(pid)) is not None]
        return Collected(records=tuple(records), looks=tuple(self._coverage(len(records))))

    def _coverage(self, count: int) -> Iterator[Look]:
        yield Look(part="processes", outcome=Outcome.LOOKED, reason=f"{count} processes")
        yield from self._looks
        if os.geteuid() != 0 and self._hidden():
            reason = "processes of other users are hidden from this user (hidepid)"
            yield Look(part="processes", outcome=Outcome.SKIPPED, reason=reason)
        if self._refused:
            noun = "process" if self._refused == 1 else "processes"
            if os.geteuid() == 0:
                reason = f"{self._refused} {noun} could not be read, though this runs as root"
                yield Look(part="processes", outcome=Outcome.SKIPPED, reason=reason)
            else:  # what this user may not read is no part of this user's scan, and the report says so
                reason = f"{self._refused} {noun} of other users are not part of this scan; run it as root for them"
                yield Look(part="processes", outcome=Outcome.LOOKED, reason=reason)
        for what, number in sorted(self._cut.items()):
            reason = f"a limit cut the {what} of {number} processes" if what != "processes" else f"{number} left out"
            yield Look(part="processes", outcome=Outcome.TRUNCATED, reason=reason)

    def _hidden(self) -> bool:
        mounts = Path(self._root, "self/mountinfo").read_text("utf-8", "replace").splitlines()
        return any(f" {self._root} " in line and re.search(r"hidepid=(?!0|off)", line) is not None for line in mounts)

    def _process(self, pid: int) -> ProcessRecord | None:
        """An open folder stays with its process, so a reused number is never read as the old one."""
        try:
            with _folder(f"{self._root}/{pid}") as at:
                found = self._stat(at)
                return self._record(pid, found, at) if found else None
        except (FileNotFoundError, ProcessLookupError):
            return None
        except PermissionError:  # `hidepid=1`: the number shows, and nothing else
            self._refused += 1
            return None

    def _stat(self, at: int) -> _Stat | None:
        text, _ = _read("stat", at, 4096)
        fields = text[text.rfind(b")") + 2 :].split()
        if len(fields) < 20 or fields[0] in {b"Z", b"X"} or int(fields[6]) & _KERNEL_THREAD:
            return None
        return _Stat(int(fields[1]), int(fields[19]))

    def _record(self, pid: int, found: _Stat, at: int) -> ProcessRecord:
        command = self._words(at, "cmdline", "command lines", self._limits.command_line_bytes_max)
        record = ProcessRecord(
            pid=pid,
            parent_pid=found.parent,
            started=self._boot + found.started_ticks / os.sysconf("SC_CLK_TCK"),
            uid=_uid(at),
            command=tuple(Secret(word) for word in command),
            container=_container(at),
        )
        try:
            return self._inside(record, command, at)
        except PermissionError:
            self._refused += 1
            return msgspec.structs.replace(record, problem="this user may not read its descriptors and environment")

    def _inside(self, record: ProcessRecord, command: list[str], at: int) -> ProcessRecord:
        """What only the owner and root may read."""
        descriptors = self._descriptors(at)
        words = self._words(at, "environ", "environments", self._limits.environment_bytes_max)
        environment = {name: value for name, _, value in (word.partition("=") for word in words) if name}
        executable, directory = _link("exe", at), _link("cwd", at)
        script, serves = self._script(at, executable, directory, command)
        network = _link("ns/net", at)
        return msgspec.structs.replace(
            record,
            executable=executable,
            directory=directory,
            script=script,
            serves_mcp=serves,
            environment_names=tuple(environment),
            environment={name: Secret(value) for name, value in environment.items() if names_credential(name)},
            pipes_read=frozenset(descriptors.pipes_read),
            pipes_written=frozenset(descriptors.pipes_written),
            sockets=frozenset(descriptors.sockets),
            socket_peers=self._joined(at, network, descriptors.sockets),
            listening=self._listens(at, network, descriptors.sockets),
            own_network=network in {"", self._own_network},
        )

    def _words(self, at: int, name: str, what: str, most: int) -> list[str]:
        data, whole = _read(name, at, most)
        if not whole:
            self._cut[what] += 1
        data = data.rstrip(b"\0")
        return [word.decode("utf-8", "replace") for word in data.split(b"\0")] if data else []

    def _descriptors(self, at: int) -> _Descriptors:
        found = _Descriptors(set(), set(), set())
        with _folder("fd", at) as folder:
            names = _names(folder)
            most = min(self._limits.process_descriptors_max, self._descriptors_left)
            if len(names) > most:
                self._cut["descriptors"] += 1
            self._descriptors_left -= min(len(names), most)
            for name in names[:most]:
                target = _link(name, folder)
                if target.startswith("socket:["):
                    found.sockets.add(int(target[8:-1]))
                elif target.startswith("pipe:["):
                    self._add_pipe(found, int(target[6:-1]), name, folder)
        return found

    def _add_pipe(self, found: _Descriptors, inode: int, name: str, folder: int) -> None:
        """The owner bits of the link say what the descriptor was opened for, as `fdinfo` does, without a read."""
        try:
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        except OSError:
            return
        if mode & stat.S_IRUSR:
            found.pipes_read.add(inode)
        if mode & stat.S_IWUSR:
            found.pipes_written.add(inode)

    def _listens(self, at: int, network: str, sockets: set[int]) -> tuple[Listening, ...]:
        if not sockets:
            return ()
        if network not in self._listening:
            self._listening[network] = self._tables(at)
        table = self._listening[network]
        found = [table[inode] for inode in sockets if inode in table]
        return tuple(sorted(found, key=lambda one: (one.port, one.address)))

    def _tables(self, at: int) -> dict[int, Listening]:
        found: dict[int, Listening] = {}
        for name in ("net/tcp", "net/tcp6"):
            try:
                table, whole = _read(name, at, self._limits.socket_table_bytes_max)
            except FileNotFoundError:
                continue  # a kernel without IPv6
            if not whole:
                self._cut["listening sockets"] += 1
            found |= listening_sockets(table.decode("ascii", "replace"))
        return found

    def _script(self, at: int, executable: str, directory: str, command: list[str]) -> tuple[str, bool]:
        """The file that an interpreter runs, its links resolved, and whether it says that it serves MCP."""
        if not command or not _INTERPRETER.fullmatch(Path(executable).name):
            return "", False
        for word in command[1:6]:
            if word.startswith("-") or not word:
                continue
            path = str(Path(directory, word))
            if (beginning := _beginning(path, at, self._limits.script_bytes_max)) is not None:
                return os.path.realpath(path), any(mark in beginning for mark in _SERVER_MARKS)
        return "", False

    @cached_property
    def _boot(self) -> int:
        for line in Path(self._root, "stat").read_text("ascii").splitlines():
            if line.startswith("btime "):
                return int(line.split()[1])
        return 0

    @cached_property
    def _own_network(self) -> str:
        return str(Path(self._root, "self/ns/net").readlink())

    def _joined(self, at: int, network: str, sockets: set[int]) -> frozenset[int]:
        """The other ends of its unix sockets. A socket stays in the namespace that it was made in."""
        if not sockets:
            return frozenset()
        tables = [self._peers(at, self._own_network)]
        if network and network != self._own_network and not sockets <= tables[0].keys():
            tables.append(self._peers(at, network))
        return frozenset(table[one] for one in sockets for table in tables if one in table)

    def _peers(self, at: int, network: str) -> dict[int, int]:
        if network not in self._peer_tables:
            try:
                self._peer_tables[network] = self._ask_peers(at, network)
            except OSError as error:
                self._peer_tables[network] = {}
                where = "" if network == self._own_network else f" of {network}"
                reason = f"unix sockets{where} cannot be paired ({error}): servers joined by them may be missing"
                self._looks.append(Look(part="processes", outcome=Outcome.FAILED, reason=reason))
        return self._peer_tables[network]

    def _ask_peers(self, at: int, network: str) -> dict[int, int]:
        if network == self._own_network:
            return unix_peers(self._limits)
        if len(self._peer_tables) > self._limits.network_namespaces_max:
            raise OSError(f"limit network_namespaces_max ({self._limits.network_namespaces_max})")
        namespace = os.open("ns/net", os.O_RDONLY | os.O_CLOEXEC, dir_fd=at)
        try:
            return unix_peers_of(namespace, self._limits)
        finally:
            os.close(namespace)


@contextmanager
def _folder(name: str, at: int | None = None) -> Generator[int]:
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=at)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(folder: str | int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _read(name: str, at: int, most: int) -> tuple[bytes, bool]:
    """At most `most` bytes of a file below `at`, and whether that is all of it."""
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=at)
    try:
        data = bytearray()
        while len(data) <= most and (part := os.read(descriptor, min(65536, most + 1 - len(data)))):
            data += part
    finally:
        os.close(descriptor)
    return bytes(data[:most]), len(data) <= most


def _link(name: str, at: int) -> str:
    try:
        return os.readlink(name, dir_fd=at)
    except FileNotFoundError:
        return ""


def _uid(at: int) -> int:
    """The real user, who started it; the folder's owner is root for a process that changed its user."""
    text, _ = _read("status", at, 16384)
    found = re.search(rb"^Uid:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else os.fstat(at).st_uid


def _container(at: int) -> str:
    try:
        text, _ = _read("cgroup", at, 16384)
    except FileNotFoundError:  # a kernel without them
        return ""
    found = _CONTAINER.search(text.decode("ascii", "replace"))
    return found[1] if found else ""


def _beginning(path: str, at: int, most: int) -> bytes | None:
    """The beginning of a plain file as the process sees it; None for what is none. Never waits on a pipe."""
    try:
        descriptor = os.open("root" + path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=at)
    except (OSError, ValueError):
        return None
    try:
        return os.read(descriptor, most) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
