"""The scanners that are measured: this one, and peers that install from the package index, each by its own command.

A scanner gets the same rows as every other, in the units that its command takes, and tells a level per row.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from check import judge
from samples import Row

DRIVE = Path(__file__).with_name("drive.py")
INSTALL_SECONDS, RUN_SECONDS = 300, 900
LEVELS = {"low": 1, "medium": 2, "high": 3, "critical": 3}
OWN_LEVELS = {"clean": 0, "error": 0, "suspicious": 2, "malicious": 3}


class NotMeasuredError(Exception):
    """A peer could not be installed, or gave nothing that can be read. The text says which."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a scanner said: a level per row, what it cost, and the units it crashed on."""

    levels: list[int]
    cpu: float
    wall: float
    crashes: list[str] = []


class Scanner:
    """Bartizan itself. `modes` are the thresholds by name: the lowest level that counts as told."""

    name = "bartizan"
    modes = {"suspicious and worse": 2, "malicious": 3}  # noqa: RUF012

    def scan(self, rows: list[Row], folder: Path) -> Told:
        del folder
        started = time.monotonic()
        verdicts, cpu, _ = judge([row.line for row in rows], "tool")
        return Told(levels=[OWN_LEVELS[one] for one in verdicts], cpu=cpu, wall=time.monotonic() - started)


class Peer(Scanner, ABC):
    """A package with a command. What differs per peer: the jobs for the rows, and how a result is read."""

    version = ""
    entry = ""

    @abstractmethod
    def jobs(self, rows: list[Row], folder: Path) -> Iterator[tuple[list[int], list[str]]]:
        """Per job: which rows it covers, and the arguments of the command."""

    @abstractmethod
    def read(self, out: Any, rows: list[Row]) -> list[int]:
        """The level of each of the job's rows, from the command's JSON."""

    def scan(self, rows: list[Row], folder: Path) -> Told:
        python = _install(f"{self.name}=={self.version}", folder / self.name)
        given = folder / f"{self.name}-rows"
        given.mkdir()
        jobs = list(self.jobs(rows, given))
        results, cpu, wall = _drive(python, self.entry, [arguments for _, arguments in jobs], given)
        levels, crashes = [0] * len(rows), list[str]()
        for (covered, _), result in zip(jobs, results, strict=True):
            try:
                told = self.read(json.loads(result["out"]), [rows[index] for index in covered])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                crashes.append(result["error"] or f"output that cannot be read: {error}")
                continue
            for index, level in zip(covered, told, strict=True):
                levels[index] = level
        if len(crashes) == len(jobs):
            raise NotMeasuredError(f"crashed on every job: {crashes[0]}")
        return Told(levels=levels, cpu=cpu, wall=wall, crashes=crashes)


class CiscoYara(Peer):
    """YARA alone: its other analyzers need a key. It looks at one tool at a time, so all rows are one job."""

    name, version, entry = "cisco-ai-mcp-scanner", "4.8.7", "mcpscanner.cli:cli_entry_point"
    modes = {"YARA": 1}  # noqa: RUF012

    def jobs(self, rows: list[Row], folder: Path) -> Iterator[tuple[list[int], list[str]]]:
        path = _write(folder / "tools.json", {"tools": [_tool(row) for row in rows]})
        yield list(range(len(rows))), ["--analyzers", "yara", "--raw", "static", "--tools", path]

    def read(self, out: Any, rows: list[Row]) -> list[int]:
        if [one["tool_name"] for one in out] != [row.definition["name"] for row in rows]:
            raise ValueError("its results are not those of the tools in their order")
        return [0 if one["is_safe"] else 3 for one in out]


class Scrutiny(Peer):
    """Its semantic model and its check for shadowing, a client at a time. Pinning and flows judge something else."""

    name, version, entry = "mcp-scrutiny", "0.1.0", "mcp_scrutiny.cli:main"
    modes = {"medium and worse": 2, "high and worse": 3}  # noqa: RUF012

    def jobs(self, rows: list[Row], folder: Path) -> Iterator[tuple[list[int], list[str]]]:
        for number, covered in enumerate(_units(rows, lambda row: row.client)):
            servers: dict[str, list[Any]] = {}
            for index in covered:
                servers.setdefault(rows[index].server, []).append(_tool(rows[index]))
            dump = {"servers": [{"name": name or "-", "tools": tools} for name, tools in servers.items()]}
            path = _write(folder / f"{number}.json", dump)
            only = ["--enable", "semantic", "--enable", "shadowing"]
            yield covered, ["scan", "--tools-json", path, "--format", "json", *only]

    def read(self, out: Any, rows: list[Row]) -> list[int]:
        told = [0] * len(rows)
        for one in out["findings"]:
            names = {one["tool"], *one["evidence"].get("names", ())}  # a collision is told of all that collide
            servers = {one["server"], *one["evidence"].get("servers", ())}
            for index, row in enumerate(rows):
                if row.definition["name"] in names and (row.server or "-") in servers:
                    told[index] = max(told[index], LEVELS.get(one["severity"], 0))
        return told


class ToolAuditor(Peer):
    """Its import of definitions takes one server at a time."""

    name, version, entry = "mcp-tool-auditor", "1.10.2", "mcp_tool_auditor.cli:main"
    modes = {"any": 1, "medium and worse": 2, "high and worse": 3}  # noqa: RUF012

    def jobs(self, rows: list[Row], folder: Path) -> Iterator[tuple[list[int], list[str]]]:
        for number, covered in enumerate(_units(rows, lambda row: f"{row.client}\0{row.server}")):
            path = _write(folder / f"{number}.json", {"tools": [_tool(rows[index]) for index in covered]})
            yield covered, ["--no-log-file", "--no-metrics", "scan", "import", "--format", "json", path]

    def read(self, out: Any, rows: list[Row]) -> list[int]:
        found: dict[str, int] = {}
        for server in out["servers"].values():
            for one in server["findings"]:
                level = LEVELS.get(one["severity"].lower(), 0)
                found[one["tool_name"]] = max(found.get(one["tool_name"], 0), level)
        return [found.get(row.definition["name"], 0) for row in rows]


SCANNERS = (Scanner, CiscoYara, Scrutiny, ToolAuditor)


def _units(rows: list[Row], key: Any) -> list[list[int]]:
    units: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        units.setdefault(key(row), []).append(index)
    return list(units.values())


def _tool(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.definition.items() if key != "server"}


def _write(path: Path, value: Any) -> str:
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def _install(package: str, folder: Path) -> str:
    """The interpreter of a new virtual environment with the package in it."""
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv")
    make = [uv, "venv", "-q", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    add = [uv, "pip", "install", "-q", "--python", python] if uv else [python, "-m", "pip", "install", "-q"]
    for command in ([*make, str(folder)], [*add, package]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NotMeasuredError(f"not installed within {INSTALL_SECONDS} s") from error
        if done.returncode:
            raise NotMeasuredError(f"not installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return python


def _drive(python: str, entry: str, jobs: list[list[str]], folder: Path) -> tuple[list[dict[str, str]], float, float]:
    """Results, CPU seconds and wall seconds. The peer has an empty home, and none of this process's environment."""
    given, results = _write(folder / "jobs", jobs), folder / "results"
    bare = {"HOME": str(folder), "PATH": os.defpath, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        done = subprocess.run(
            [python, str(DRIVE), entry, given, str(results)],
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
            env=bare,
            cwd=folder,
        )
    except subprocess.TimeoutExpired as error:
        raise NotMeasuredError(f"not done within {RUN_SECONDS} s") from error
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if not results.exists():
        raise NotMeasuredError(f"crashed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(results.read_text(encoding="utf-8")), cpu, wall
