"""Copies of packages on this machine: in the caches of package runners, in projects, and where tools are installed.

Only manifests are read: package.json, RECORD, `.pth` files. A package's name is hostile, so it is checked before it
becomes part of a path.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence

from bartizan.adapters.collectors.homes import Home
from bartizan.adapters.collectors.manifests import (
    npm_manifest,
    npm_scripts,
    pth_code,
    pth_names,
    scripted_dependencies,
)
from bartizan.adapters.collectors.paths import Budget, matches
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.limits import Limits
from bartizan.model.record import PackageRecord, WantedPackage

# Bytes of a file; None where there is none, or where it may not be read. A second text says what was wrong.
Read = Callable[[str, Home | None], tuple[bytes | None, str]]

_NPM_NAME = re.compile(r"(?:@[\w.~\-]{1,100}/)?(?!\.)[\w.~\-]{1,200}", re.ASCII)
_PYPI_NAME = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,200}[a-z0-9])?")
# Below a home. NAME is the package, as npm writes it.
_NPM_IN_HOME = (
    ".npm/_npx/*/node_modules/NAME",
    "AppData/Local/npm-cache/_npx/*/node_modules/NAME",
    ".cache/pnpm/dlx/*/*/node_modules/NAME",
    ".local/share/pnpm/global/*/node_modules/NAME",
    "Library/pnpm/global/*/node_modules/NAME",
    ".bun/install/global/node_modules/NAME",
    ".nvm/versions/node/*/lib/node_modules/NAME",
    ".volta/tools/image/packages/NAME/lib/node_modules/NAME",
    ".local/lib/node_modules/NAME",
    ".npm-global/lib/node_modules/NAME",
    "AppData/Roaming/npm/node_modules/NAME",
    "node_modules/NAME",
)
_NPM_IN_SYSTEM = ("usr/lib", "usr/local/lib", "opt/homebrew/lib")
# NAME is normalised (PEP 503); MODULE is as a wheel writes it, and the folder of its metadata is what is looked for.
_PYPI_IN_HOME = (
    ".cache/uv/wheels-v*/pypi/NAME/*/MODULE-*.dist-info",
    ".cache/uv/wheels-v*/index/*/NAME/*/MODULE-*.dist-info",
    "AppData/Local/uv/cache/wheels-v*/pypi/NAME/*/MODULE-*.dist-info",
    ".local/share/uv/tools/NAME/lib/python*/site-packages/MODULE-*.dist-info",
    ".local/share/pipx/venvs/NAME/lib/python*/site-packages/MODULE-*.dist-info",
    ".local/pipx/venvs/NAME/lib/python*/site-packages/MODULE-*.dist-info",
    ".local/lib/python*/site-packages/MODULE-*.dist-info",
)
_PYPI_IN_PROJECT = (
    ".venv/lib/python*/site-packages/MODULE-*.dist-info",
    "venv/lib/python*/site-packages/MODULE-*.dist-info",
)
_PYPI_BUILT = (
    ".cache/uv/sdists-v*/pypi/NAME/*/*/metadata.msgpack",
    ".cache/uv/sdists-v*/index/*/NAME/*/*/metadata.msgpack",
)
_BUILT = "built from its source, by code of the package"


class Installed:
    """One search. `root` is that of the machine to look into as well; None looks into homes and projects only."""

    def __init__(
        self,
        homes: Sequence[Home],
        projects: Sequence[tuple[str, Home | None]],
        root: str | None,
        read: Read,
        limits: Limits,
    ) -> None:
        self._homes, self._projects, self._root = homes, projects, root
        self._read, self._limits = read, limits
        self.looks: list[Look] = []

    def copies(self, wanted: WantedPackage) -> list[PackageRecord]:
        """Every copy that is found, each once, at most `package_copies_max`."""
        npm = wanted.ecosystem == "npm"
        if wanted.ecosystem not in {"npm", "pypi"} or not (_NPM_NAME if npm else _PYPI_NAME).fullmatch(wanted.name):
            return []
        budget = Budget(self._limits.directory_entries_max, self._limits.search_depth_max)
        found: dict[str, PackageRecord] = {}
        for record in (self._npm if npm else self._pypi)(wanted, budget):
            found.setdefault(record.path, record)
            if len(found) >= self._limits.package_copies_max:
                self._look(record.path, Outcome.TRUNCATED, "more copies of a package than package_copies_max")
                break
        for folder, reason in budget.problems:
            self._look(folder, Outcome.TRUNCATED if "more" in reason else Outcome.FAILED, reason)
        return list(found.values())

    # ---- npm

    def _npm(self, wanted: WantedPackage, budget: Budget) -> Iterator[PackageRecord]:
        name = wanted.name
        if (named := _folder_of(wanted.path, f"/node_modules/{name}/")) is not None:
            yield from self._npm_copy(name, named, self._home_of(named))
        for home in self._homes:
            for pattern in _NPM_IN_HOME:
                for folder in matches(f"{home.path}/{pattern.replace('NAME', name)}", budget, uid=home.uid):
                    yield from self._npm_copy(name, folder, home)
        for project, home in self._projects:
            yield from self._npm_copy(name, f"{project}/node_modules/{name}", home)
        if self._root is not None:
            for place in _NPM_IN_SYSTEM:
                yield from self._npm_copy(name, f"{self._root}/{place}/node_modules/{name}", None)

    def _npm_copy(self, name: str, folder: str, home: Home | None) -> Iterator[PackageRecord]:
        body = self._content(f"{folder}/package.json", home)
        if body is None:
            return
        manifest = npm_manifest(body)
        if manifest is None:
            self._look(f"{folder}/package.json", Outcome.FAILED, "is no JSON object, so its scripts are unknown")
            return
        addon = self._content(f"{folder}/binding.gyp", home) is not None
        modules = folder.removesuffix(f"/{name}")
        lock = self._content(f"{modules}/.package-lock.json", home) if "/_npx/" in folder else None
        yield PackageRecord(
            ecosystem="npm",
            name=name,
            version=str(manifest.get("version", ""))[:100],
            path=f"{folder}/package.json",
            install_scripts=npm_scripts(manifest, builds_addon=addon),
            scripted_dependencies=scripted_dependencies(lock, name, self._limits.package_scripts_max) if lock else (),
        )

    # ---- PyPI

    def _pypi(self, wanted: WantedPackage, budget: Budget) -> Iterator[PackageRecord]:
        named, module = wanted.name, wanted.name.replace("-", "_")

        def filled(pattern: str) -> str:
            return pattern.replace("NAME", named).replace("MODULE", module)

        for home in self._homes:
            for pattern in _PYPI_IN_HOME:
                for folder in matches(f"{home.path}/{filled(pattern)}", budget, uid=home.uid):
                    yield self._wheel(named, folder, home)
            for pattern in _PYPI_BUILT:
                for path in matches(f"{home.path}/{filled(pattern)}", budget, uid=home.uid):
                    if (version := self._built(path, home)) is not None:
                        yield version_record(named, version, path)
        for project, home in self._projects:
            for pattern in _PYPI_IN_PROJECT:
                for folder in matches(f"{project}/{filled(pattern)}", budget, uid=home.uid if home else None):
                    yield self._wheel(named, folder, home)

    def _wheel(self, name: str, folder: str, home: Home | None) -> PackageRecord:
        version = folder.rpartition("/")[2].removesuffix(".dist-info").partition("-")[2]
        record = (self._content(f"{folder}/RECORD", home) or b"").decode("utf-8", "replace")
        beside = folder.rpartition("/")[0]
        code: dict[str, str] = {}
        for file in pth_names(record)[: self._limits.package_scripts_max]:
            if line := pth_code((self._content(f"{beside}/{file}", home) or b"").decode("utf-8", "replace")):
                code[file] = line
        return PackageRecord(
            ecosystem="pypi", name=name, version=version[:100], path=f"{folder}/RECORD", install_scripts=code
        )

    def _built(self, path: str, home: Home | None) -> str | None:
        """The version that uv built from an sdist; None where the path leads to no file."""
        return path.split("/")[-3][:100] if self._content(path, home) is not None else None

    # ---- Reading

    def _content(self, path: str, home: Home | None) -> bytes | None:
        body, problem = self._read(path, home)
        if problem:
            self._look(path, Outcome.FAILED, problem)
        return body

    def _home_of(self, path: str) -> Home | None:
        return next((home for home in self._homes if path.startswith(home.path.rstrip("/") + "/")), None)

    def _look(self, path: str, outcome: Outcome, reason: str) -> None:
        self.looks.append(
            Look(
                part="package",
                outcome=outcome,
                reason=reason,
                place=Place(path=os.fsencode(path).decode("utf-8", "replace")),
            )
        )


def version_record(name: str, version: str, path: str) -> PackageRecord:
    """A Python package that was built here from its source."""
    return PackageRecord(ecosystem="pypi", name=name, version=version, path=path, install_scripts={"build": _BUILT})


def _folder_of(path: str, mark: str) -> str | None:
    """The folder of a package, of which a command names a file."""
    at = path.replace("\\", "/").rfind(mark)
    return path[: at + len(mark) - 1] if at >= 0 and path.startswith("/") else None
