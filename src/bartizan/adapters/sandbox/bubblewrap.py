"""The sandbox on Linux, by bubblewrap: no network, no home, no environment, nothing to write to, and an end.

What is not covered, so that nobody relies on it: system calls are not filtered (no seccomp yet), so the kernel's whole
surface is there for a server to attack; private memory and processor time are limited per process, not together, and
shared memory is not limited; and what a server answers is as hostile as before. On macOS and Windows there is no
sandbox.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from bartizan.adapters.sandbox import arguments, entry
from bartizan.adapters.sandbox.box import HOME, OWN, Box, Mount, enclose, interpreter
from bartizan.adapters.sandbox.cache import Package
from bartizan.adapters.sandbox.fetch import Fetcher
from bartizan.adapters.sandbox.fetched import record_of
from bartizan.adapters.sandbox.tools import find_program, script_mounts
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT, Limits
from bartizan.ports import Confined, SandboxError, Wanted
from bartizan.text.normalise import show

_PACKAGE = f"{OWN}/package"
_START_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
# Programs that would fetch, or start something outside: within the box they could only fail.
_FETCHERS = {"uv", "uvx", "npx", "npm", "pnpm", "yarn", "bunx", "bun", "pipx", "docker", "podman", "nerdctl", "git"}


class BubblewrapSandbox:
    """Implements `ports.Sandbox`. `cache` is a folder of the user for fetched packages; it is made private."""

    def __init__(self, cache: Path, limits: Limits = DEFAULT) -> None:
        self._cache, self._limits = cache, limits

    def available(self) -> str:
        """Really try: an empty text, or the reason in plain words. Asked once, then remembered."""
        return self._reason

    @cached_property
    def _reason(self) -> str:
        if sys.platform != "linux":
            return f"the sandbox needs Linux; this is {sys.platform}"
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            return "bubblewrap is not installed: install the system's package `bubblewrap`"
        command = enclose(bwrap, Box(), (interpreter(), "-I", "-S", "-c", "print('inside')"), self._limits)
        try:
            done = subprocess.run(  # noqa: S603  our own command
                command,
                env=_START_ENVIRONMENT,
                capture_output=True,
                timeout=self._limits.start_seconds_max,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap did not start: {type(error).__name__}"
        return "" if done.stdout == b"inside\n" else _plain(done.stderr.decode("utf-8", "replace"))

    @cached_property
    def _fetcher(self) -> Fetcher:
        return Fetcher(self._cache, shutil.which("bwrap") or "bwrap", self._limits)

    async def confine(self, launch: Launch, wanted: Wanted) -> Confined:
        """Fetch what must be fetched, and give the confined command. Raises SandboxError."""
        if reason := await asyncio.to_thread(self.available):
            raise SandboxError(f"no sandbox: {reason}")
        if wanted.ecosystem in {"npm", "pypi"} and not wanted.path:
            package = await self._fetcher.fetch(wanted)
            box, command = await asyncio.to_thread(self._of_package, launch, wanted, package)
            return self._confined(box, command, package)
        box, command = await asyncio.to_thread(self._of_program, launch, wanted)
        return self._confined(box, command, None)

    def _confined(self, box: Box, command: Sequence[str], package: Package | None) -> Confined:
        return Confined(
            command=enclose(shutil.which("bwrap") or "bwrap", box, command, self._limits),
            environment=_START_ENVIRONMENT,
            version=package.manifest.key.version if package else "",
            sha256=package.manifest.sha256 if package else "",
            package=record_of(package, self._limits) if package else None,
        )

    def _of_package(self, launch: Launch, wanted: Wanted, package: Package) -> tuple[Box, tuple[str, ...]]:
        words = [*([wanted.program] if wanted.program else []), *(word.reveal() for word in launch.command)]
        mounts = [Mount(source=str(package.tree), target=_PACKAGE)]
        if wanted.ecosystem == "npm":
            node = find_program("node")
            mounts += node.mounts
            file = entry.npm_entry(package.tree, wanted.name, words, self._limits)
            start = (node.path, f"{_PACKAGE}/{file}")
        else:
            found = entry.pypi_entry(package.tree, wanted.name, words, self._limits)
            runner = (interpreter(), "-I", "-S", f"{OWN}/run_python.py", _PACKAGE)
            start = (*runner, found.kind, found.name, found.value)
        return self._box(launch, wanted.arguments, mounts, ()), (*start, *_cleaned(wanted.arguments))

    def _of_program(self, launch: Launch, wanted: Wanted) -> tuple[Box, tuple[str, ...]]:
        words = [word.reveal() for word in launch.command]
        name = os.path.basename(words[0]) if words else ""  # noqa: PTH119
        if not words or wanted.ecosystem == "oci" or name in _FETCHERS:
            raise SandboxError(_skipped(wanted, name))
        program = find_program(words[0], directory=launch.directory)
        mounts = [*program.mounts]
        if wanted.path and wanted.path != words[0]:
            script = Path(launch.directory or Path.home()) / Path(wanted.path).expanduser()
            if not script.is_file():
                raise SandboxError(f"skipped: {show(str(script))} is not there")
            mounts += script_mounts(script)
            words = [str(script) if word == wanted.path else word for word in words]
        mounts = list(dict.fromkeys(mounts))
        search = (str(Path(program.path).parent),)
        return self._box(launch, words[1:], mounts, search), (program.path, *_cleaned(words[1:]))

    def _box(self, launch: Launch, words: Sequence[str], mounts: list[Mount], search: tuple[str, ...]) -> Box:
        folders = arguments.folders_of(words, launch.directory, self._limits)
        held = {sys.base_prefix, *(mount.target for mount in mounts)}
        free = tuple(folder for folder in folders if not _holds(held, folder))
        directory = launch.directory if launch.directory in folders else None
        return Box(
            mounts=tuple(mounts),
            folders=free,
            directory=directory or HOME,
            environment=arguments.stand_ins(launch.environment),
            search=search,
        )


def _cleaned(words: Sequence[str]) -> tuple[str, ...]:
    return arguments.expanded(arguments.without_secrets(words))


def _holds(mounted: set[str], folder: str) -> bool:
    """Whether a folder stands in something that is mounted, and so is there already."""
    return any(folder == place or folder.startswith(place + "/") for place in mounted)


def _skipped(wanted: Wanted, name: str) -> str:
    if wanted.ecosystem == "oci" or name in {"docker", "podman", "nerdctl"}:
        return "skipped: container images are not started in the sandbox"
    if not name:
        return "skipped: there is no command"
    return f"skipped: {name} would fetch this from an address that is not a package index"


def _plain(said: str) -> str:
    """What bubblewrap said, with what to do about it."""
    shown = show(said.strip(), most=300)
    if "disable-userns" in said:
        return "bubblewrap is too old: version 0.8 or later is needed"
    if "namespace" in said or "uid map" in said or "Operation not permitted" in said:
        return f"this system refuses user namespaces to bubblewrap ({shown}): allow them, or run in a virtual machine"
    return f"bubblewrap did not start: {shown or 'it said nothing'}"
