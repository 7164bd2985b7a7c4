"""Fetch: a package with its dependencies, without running anything of it, from the configured index and nowhere else.

The tools (npm, pip) run in a box of their own: no home, no environment, one writable folder, and a network whose only
way out is our proxy. Scripts of packages do not run: npm is told so, and pip takes built wheels only.
"""

import asyncio
import contextlib
import json
import os
import re
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bartizan.adapters.sandbox import indexes
from bartizan.adapters.sandbox.box import OWN, Mount, inside_system, interpreter
from bartizan.adapters.sandbox.cache import Cache, Key, Package
from bartizan.adapters.sandbox.egress import Destination
from bartizan.adapters.sandbox.fetched import integrity_of
from bartizan.adapters.sandbox.indexes import Index, Page, Vouched
from bartizan.adapters.sandbox.signatures import PRESENT, verdict
from bartizan.adapters.sandbox.step import PROXY, Step, run_step
from bartizan.adapters.sandbox.tools import find_program
from bartizan.model.limits import Limits
from bartizan.ports import SandboxError, Wanted
from bartizan.text.normalise import show

_NPM_NAME = re.compile(r"(?:@[A-Za-z0-9~_][A-Za-z0-9._~\-]*/)?[A-Za-z0-9~_][A-Za-z0-9._~\-]*")
_PYPI_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._\-]*[A-Za-z0-9])?")
# A version, tag or range; no slash and no colon, so that it is never an address or another package.
_VERSION = re.compile(r"[0-9A-Za-z.*^~<>=!|+_,\- ]{0,200}")
_EXACT_PYPI = re.compile(r"(?:\d+!)?\d[0-9A-Za-z.+_\-]*")
_CONSTRAINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]*\s*[<>=!~][0-9A-Za-z.*,<>=!~+ ]*")


class Fetcher:
    """Fetches into a cache. Two fetches of one package at once are one fetch."""

    def __init__(self, cache: Path, bwrap: str, limits: Limits) -> None:
        self._cache, self._bwrap, self._limits = Cache(cache, limits), bwrap, limits
        self._busy: dict[tuple[str, str], asyncio.Lock] = {}
        self._indexes: dict[tuple[str, str], Index] = {}
        self._asking = asyncio.Lock()
        self._slots = asyncio.Semaphore(limits.fetches_parallel_max)

    async def fetch(self, wanted: Wanted) -> Package:
        """The package at its resolved version. Raises SandboxError: what went wrong, and what was refused."""
        check(wanted)
        lock = self._busy.setdefault((wanted.ecosystem, wanted.name), asyncio.Lock())
        async with lock, self._slots:
            try:
                return await (self._npm(wanted) if wanted.ecosystem == "npm" else self._pypi(wanted))
            except OSError as error:
                raise SandboxError(
                    f"fetching {wanted.name} failed: {error.strerror or type(error).__name__}"
                ) from error

    async def _index(self, wanted: Wanted, npm: str = "") -> Index:
        """The settings of npm (by scope) or of pip, asked once."""
        scope = wanted.name.partition("/")[0] if npm and wanted.name.startswith("@") else ""
        async with self._asking:
            if (npm, scope) not in self._indexes:
                asked = indexes.npm_index(npm, wanted.name) if npm else indexes.pypi_index(self._limits)
                self._indexes[npm, scope] = await asked
            return self._indexes[npm, scope]

    async def _npm(self, wanted: Wanted) -> Package:
        npm, node = find_program("npm"), find_program("node")
        index = await self._index(wanted, npm.path)
        page = await indexes.read_npm_page(index, wanted.name, self._limits)
        allowed = frozenset(index.destinations | page.destinations)
        with self._cache.work() as work:
            settings = _file(work / "npmrc", _npmrc(index))
            step = Step(
                command=(),
                mounts=(*npm.mounts, *node.mounts, settings, *_index_mounts(index)),
                environment=_npm_environment(index),
                allowed=allowed,
                upstream=index.upstream,
                search=(str(Path(node.path).parent), str(Path(npm.path).parent)),
            )
            version = page.tags.get(wanted.version or "latest", wanted.version)
            if version not in page.versions:
                view = (npm.path, "view", f"{wanted.name}@{version}", "version", "--json")
                version = newest(await self._run(work, step, view, wanted.name), wanted)
            key = Key(ecosystem="npm", name=wanted.name, version=version, runtime="node")
            if found := await asyncio.to_thread(self._cache.find, key):
                return await self._signed(found, page, index)
            options = "--ignore-scripts --no-audit --no-fund --omit=dev --no-bin-links --loglevel=error".split()
            install = (npm.path, "install", *options, "--prefix", "/fetch/tree", f"{wanted.name}@{version}")
            await self._run(work, step, install, wanted.name)
            kept = await asyncio.to_thread(self._cache.keep, work, key, _hosts(allowed))
            return await self._signed(kept, page, index)

    async def _signed(self, package: Package, page: Page, index: Index) -> Package:
        """What the registry says of the package; its signature is verified where the registry publishes its keys."""
        said = _vouched(package, page)
        if said.signature != PRESENT:
            return said
        key = package.manifest.key
        keys = await indexes.read_npm_keys(index, datetime.now(UTC), self._limits)
        found = verdict(
            f"{key.name}@{key.version}",
            await asyncio.to_thread(integrity_of, package, self._limits),
            page.vouched[key.version].signatures,
            keys,
        )
        return msgspec.structs.replace(said, signature=found)

    async def _pypi(self, wanted: Wanted) -> Package:
        index = await self._index(wanted)
        page = await indexes.read_pypi_pages(index, wanted.name, self._limits)
        allowed = frozenset(index.destinations | page.destinations)
        with self._cache.work() as work:
            pip, pip_mount = _pip()
            constraints = "\n".join(wanted.constraints) + "\n"
            files = (_file(work / "pip.conf", _pip_conf(index)), _file(work / "constraints.txt", constraints))
            step = Step(
                command=(),
                mounts=(pip_mount, *files, *_index_mounts(index)),
                environment=_pip_environment(),
                allowed=allowed,
                upstream=index.upstream,
            )
            install = (*pip, "install", "--only-binary", ":all:", "--constraint", f"{OWN}/constraints.txt")
            version = wanted.version
            if not _EXACT_PYPI.fullmatch(version):
                spec = wanted.name + ("" if version == "latest" else version)
                ask = (*install, "--quiet", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-", spec)
                version = reported(await self._run(work, step, ask, wanted.name), wanted)
            key = Key(
                ecosystem="pypi",
                name=wanted.name,
                version=version,
                runtime=sys.implementation.cache_tag,
                constraints=wanted.constraints,
            )
            if found := await asyncio.to_thread(self._cache.find, key):
                return _vouched(found, page)
            command = (*install, "--target", "/fetch/tree", f"{wanted.name}=={version}")
            await self._run(work, step, command, wanted.name)
            return _vouched(await asyncio.to_thread(self._cache.keep, work, key, _hosts(allowed)), page)

    async def _run(self, work: Path, step: Step, command: tuple[str, ...], name: str) -> str:
        return await run_step(self._bwrap, work, msgspec.structs.replace(step, command=command), name, self._limits)


def _vouched(package: Package, page: Page) -> Package:
    said = page.vouched.get(package.manifest.key.version, Vouched())
    return msgspec.structs.replace(package, provenance=said.provenance, signature=said.signature)


def check(wanted: Wanted) -> None:
    """Names and versions come from hostile files, and become words of a command. Raises SandboxError."""
    pattern = _NPM_NAME if wanted.ecosystem == "npm" else _PYPI_NAME
    if not pattern.fullmatch(wanted.name) or len(wanted.name) > 214:
        raise SandboxError(f"skipped: {show(wanted.name, most=80)!r} is not the name of a package")
    if not _VERSION.fullmatch(wanted.version):
        raise SandboxError(f"skipped: {show(wanted.version, most=80)!r} is no version, tag or range")
    for constraint in wanted.constraints:
        if not _CONSTRAINT.fullmatch(constraint):
            raise SandboxError(f"skipped: {show(constraint, most=80)!r} is no constraint")


def newest(output: str, wanted: Wanted) -> str:
    """The version in what `npm view` printed: one, or several in rising order."""
    with contextlib.suppress(ValueError):
        found = json.loads(output)
        version = found[-1] if isinstance(found, list) and found else found  # pyright: ignore[reportUnknownVariableType]
        if isinstance(version, str) and version and _VERSION.fullmatch(version):
            return version
    raise SandboxError(f"the index has no version of {wanted.name} that fits {show(wanted.version, most=80)!r}")


def reported(output: str, wanted: Wanted) -> str:
    """The version in pip's installation report."""
    with contextlib.suppress(ValueError, KeyError, IndexError, TypeError):
        version = json.loads(output)["install"][0]["metadata"]["version"]
        if isinstance(version, str) and _EXACT_PYPI.fullmatch(version):
            return version
    raise SandboxError(f"the index has no built version of {wanted.name} that fits {show(wanted.version, most=80)!r}")


def _file(path: Path, content: str) -> Mount:
    """A private file for the box. Settings may hold the index's own credentials: they are never words of a command."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(content)
    return Mount(source=str(path), target=f"{OWN}/{path.name}")


def _index_mounts(index: Index) -> tuple[Mount, ...]:
    places = [*index.paths, *([index.certificates] if index.certificates else [])]
    kept = [os.path.realpath(place) for place in places]
    return tuple(
        Mount(source=source, target=target)
        for source, target in zip(kept, places, strict=True)
        if not inside_system(target) and not target.startswith("/etc/ssl/certs/")
    )


def _npmrc(index: Index) -> str:
    values = {**index.settings, "proxy": PROXY, "https-proxy": PROXY, "noproxy": "", "cache": "/fetch/tmp/npm"}
    values |= {"cafile": index.certificates} if index.certificates else {}
    values |= {"update-notifier": "false", "ignore-scripts": "true", "replace-registry-host": "never"}
    return "".join(f"{name}={_line(value)}\n" for name, value in values.items())


def _npm_environment(index: Index) -> dict[str, str]:
    trust = {"NODE_EXTRA_CA_CERTS": index.certificates} if index.certificates else {}
    return {"npm_config_userconfig": f"{OWN}/npmrc", "npm_config_globalconfig": "/dev/null", **trust}


def _pip() -> tuple[tuple[str, ...], Mount]:
    place = indexes.pip_place()
    wheel = place.endswith(".whl")
    inside = f"{OWN}/pip.whl" if wheel else f"{OWN}/pip/pip"
    folder = inside if wheel else f"{OWN}/pip"
    code = f"import sys; sys.path.insert(0, {folder!r}); from pip._internal.cli.main import main; sys.exit(main())"
    return (interpreter(), "-I", "-S", "-c", code), Mount(source=place, target=inside)


def _pip_conf(index: Index) -> str:
    values = {**index.settings, "proxy": PROXY, "no-input": "true", "disable-pip-version-check": "true"}
    values |= {"cert": index.certificates} if index.certificates else {}
    values |= {"no-cache-dir": "true", "progress-bar": "off", "root-user-action": "ignore"}
    lines = [f"{name} = {_indented(value)}" for name, value in values.items()]
    return "\n".join(["[global]", *lines, ""])


def _pip_environment() -> dict[str, str]:
    bundle = ssl.get_default_verify_paths().cafile
    return {"PIP_CONFIG_FILE": f"{OWN}/pip.conf", **({"SSL_CERT_FILE": bundle} if bundle else {})}


def _line(value: str) -> str:
    return value.replace("\r", "").replace("\n", "")


def _indented(value: str) -> str:
    """Several values are lines of their own, indented (configparser); a percent sign is doubled nowhere in pip."""
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 else "\n    ".join(["", *lines])


def _hosts(allowed: frozenset[Destination]) -> tuple[str, ...]:
    return tuple(sorted(f"{host}:{port}" for host, port in allowed))
