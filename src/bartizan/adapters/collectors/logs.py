"""Reading logs and crash dumps block by block: what is kept of them is which secrets stand there, and on which line."""

import codecs
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from bartizan.adapters.collectors.homes import Home
from bartizan.adapters.collectors.opening import open_file, printable
from bartizan.adapters.collectors.paths import Budget, matches
from bartizan.model.client import ClientSpec, LogPath, Roots, expand
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.limits import Limits
from bartizan.model.record import LogRecord, LogSecret
from bartizan.ports import Collected

FindSecrets = Callable[[str], Sequence[LogSecret]]

_BLOCK = 1024 * 1024
_LONGEST = 8 * 1024  # of a secret: a private key of 8,192 bits fits
_CONTEXT = 512  # before a place where blocks meet: the name that a value stands under
_PRINTABLE = bytes(byte if 32 <= byte < 127 or byte in b"\t\n\r" else 10 for byte in range(256))
_WIDE = re.compile(rb"(?:[\x20-\x7e]\x00){8,4096}")


class _Candidate(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    client: str
    entry: LogPath
    home: Home | None
    modified: float


class LogRun:
    """One collection of logs: found by pattern, read from the newest on until a limit is met."""

    def __init__(self, catalogue: Sequence[ClientSpec], find: FindSecrets, limits: Limits) -> None:
        self._catalogue, self._find, self._limits = catalogue, find, limits
        self._candidates: dict[str, _Candidate] = {}
        self._records: list[LogRecord] = []
        self._looks: list[Look] = []
        self._bytes = 0

    def sweep(self, roots: Roots, home: Home | None) -> None:
        """Note every file that the catalogue names on these roots."""
        for client in self._catalogue:
            for entry in client.logs:
                pattern = expand(entry.path, roots) if roots.system in entry.systems else None
                if pattern is not None:
                    self._note(client.id, entry, pattern, home)

    def collected(self) -> Collected[LogRecord]:
        """Read them."""
        until = time.monotonic() + self._limits.logs_seconds_max
        candidates = sorted(self._candidates.values(), key=lambda one: (-one.modified, one.path))
        for number, one in enumerate(candidates):
            if reason := self._spent(number, until):
                self._look(one.path, Outcome.TRUNCATED, f"{len(candidates) - number} logs were not read: {reason}")
                break
            self._read(one)
        return Collected(records=tuple(self._records), looks=tuple(self._looks))

    def _spent(self, number: int, until: float) -> str:
        if number >= self._limits.logs_max:
            return f"more than logs_max ({self._limits.logs_max})"
        if self._bytes >= self._limits.logs_bytes_max:
            return f"larger together than logs_bytes_max ({self._limits.logs_bytes_max})"
        if time.monotonic() > until:
            return f"it took longer than logs_seconds_max ({self._limits.logs_seconds_max:g})"
        return ""

    def _note(self, client: str, entry: LogPath, pattern: str, home: Home | None) -> None:
        budget = Budget(self._limits.directory_entries_max, self._limits.search_depth_max)
        for path in matches(pattern, budget, uid=home.uid if home else None):
            try:
                status = os.stat(path)  # noqa: PTH116 - a plain text is what there is
            except (OSError, ValueError):
                continue  # gone, or a link to nothing
            if stat.S_ISREG(status.st_mode) and status.st_size and path not in self._candidates:
                self._candidates[path] = _Candidate(
                    path=path, client=client, entry=entry, home=home, modified=status.st_mtime
                )
        for folder, reason in budget.problems:
            self._look(folder, Outcome.TRUNCATED if "more" in reason else Outcome.FAILED, reason)

    def _read(self, one: _Candidate) -> None:
        descriptor, told = open_file(one.path, one.home)
        if descriptor is None:
            if told.problem:
                self._look(one.path, Outcome.FAILED, told.problem)
            return
        dump = one.entry.role == "crash_dump"
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            try:
                scan = _Scan(file.fileno(), self._find, self._limits, dump=dump)
                scan.file(told.size)
            except OSError as error:
                self._look(one.path, Outcome.FAILED, f"cannot be read: {error.strerror}")
                return
        self._bytes += scan.bytes
        if scan.cut:
            self._look(one.path, Outcome.TRUNCATED, scan.cut)
        if scan.found:
            self._records.append(
                LogRecord(
                    path=printable(one.path),
                    client=one.client,
                    role=one.entry.role,
                    user=one.home.user if one.home else "",
                    home=printable(one.home.path) if one.home else "",
                    uid=told.uid,
                    mode=told.mode,
                    bytes=told.size,
                    secrets=tuple(scan.found.values()),
                )
            )

    def _look(self, path: str, outcome: Outcome, reason: str) -> None:
        self._looks.append(Look(part="log", outcome=outcome, reason=reason, place=Place(path=printable(path))))


class _Scan:
    """The search of one open file. Nothing of it is kept but what `find` says."""

    def __init__(self, descriptor: int, find: FindSecrets, limits: Limits, *, dump: bool) -> None:
        self._descriptor, self._find, self._limits, self._dump = descriptor, find, limits, dump
        self.found: dict[str, LogSecret] = {}
        self.bytes = 0
        self.cut = ""

    def file(self, size: int) -> None:
        """The whole file, or its beginning and its end."""
        most, end = self._limits.log_bytes_max, self._limits.log_end_bytes_max
        if size <= most:
            self._section(0, size, line=1)
            return
        self.cut = f"larger than log_bytes_max ({most}): only its first and last {end} bytes were read"
        self._section(0, end, line=1)
        self._section(size - end, size, line=None)

    def _section(self, start: int, end: int, *, line: int | None) -> None:
        carry = ""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for block in self._blocks(start, end):
            if self._dump:
                self._wide(block)
            text = carry + (block.translate(_PRINTABLE).decode("ascii") if self._dump else decoder.decode(block))
            done = self._window(text, len(text) - _LONGEST if len(block) == _BLOCK else len(text), line)
            line = None if line is None else line + text.count("\n", 0, done)
            carry = text[done:]
        self._window(carry, len(carry), line)

    def _window(self, text: str, until: int, line: int | None) -> int:
        """Take what begins before `until`; give where the next window has to begin."""
        done = max(0, until - _CONTEXT)
        for one in self._find(text):
            if one.start >= until:
                continue
            done = max(done, one.end)
            self._take(one, None if line is None else line + text.count("\n", 0, one.start))
        return done

    def _wide(self, block: bytes) -> None:
        """Texts of two bytes a character, as Windows and JavaScript engines keep them."""
        runs = [match[0][::2].decode("ascii") for match in _WIDE.finditer(block)]
        # The first character may be the end of a text of one byte a character, and hide where a token begins.
        text = "\n".join(one for run in runs for one in (run, run[1:]))
        for one in self._find(text) if text else ():
            self._take(one, None)

    def _take(self, one: LogSecret, line: int | None) -> None:
        if len(self.found) < self._limits.log_secrets_max:
            self.found.setdefault(one.fingerprint, msgspec.structs.replace(one, line=None if self._dump else line))
        elif one.fingerprint not in self.found:
            self.cut = f"more secrets than log_secrets_max ({self._limits.log_secrets_max})"

    def _blocks(self, start: int, end: int) -> Iterator[bytes]:
        os.lseek(self._descriptor, start, os.SEEK_SET)
        while start < end:
            block = b""
            while len(block) < min(_BLOCK, end - start) and (
                more := os.read(self._descriptor, min(_BLOCK, end - start) - len(block))
            ):
                block += more
            if not block:
                return
            start += len(block)
            self.bytes += len(block)
            yield block


def of_one_owner(folders: Iterable[tuple[str, Home | None]]) -> Iterator[tuple[str, Home | None]]:
    """The folders that belong to the owner of the home whose files name them: a name is no permission."""
    for folder, home in folders:
        try:
            owner = os.stat(folder).st_uid  # noqa: PTH116 - a plain text is what there is
        except (OSError, ValueError):
            continue
        if home is None or home.uid is None or owner == home.uid:
            yield folder, home
