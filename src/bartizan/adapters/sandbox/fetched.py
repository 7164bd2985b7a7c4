"""What a fetched package would run where it is installed the usual way; in the cache nothing of it has run."""

from pathlib import Path

import msgspec

from bartizan.adapters.collectors.manifests import (
    npm_manifest,
    npm_scripts,
    pth_code,
    pth_names,
    scripted_dependencies,
)
from bartizan.adapters.sandbox.cache import Package
from bartizan.model.json import as_object, as_text
from bartizan.model.limits import Limits
from bartizan.model.record import PackageRecord


def record_of(package: Package, limits: Limits) -> PackageRecord:
    """The record of a fetched package."""
    key = package.manifest.key
    scripts, dependencies = (_npm if key.ecosystem == "npm" else _pypi)(package.tree, key.name, limits)
    return PackageRecord(
        ecosystem=key.ecosystem,
        name=key.name,
        version=key.version,
        install_scripts=scripts,
        scripted_dependencies=dependencies,
        provenance=package.provenance,
        signature=package.signature,
    )


def integrity_of(package: Package, limits: Limits) -> str:
    """The integrity of a package's archive, as npm checked it when it unpacked it; empty where it is not told."""
    name = f"node_modules/{package.manifest.key.name}"
    try:
        lock = msgspec.json.decode(_read(package.tree / "node_modules/.package-lock.json", limits))
    except (msgspec.DecodeError, RecursionError):
        return ""
    entry = as_object(as_object(as_object(lock).get("packages")).get(name))
    return as_text(entry.get("integrity")) if entry.get("version") == package.manifest.key.version else ""


def _npm(tree: Path, name: str, limits: Limits) -> tuple[dict[str, str], tuple[str, ...]]:
    modules = tree / "node_modules"
    manifest = npm_manifest(_read(modules / name / "package.json", limits)) or {}
    lock = _read(modules / ".package-lock.json", limits)
    addon = (modules / name / "binding.gyp").is_file()
    return npm_scripts(manifest, builds_addon=addon), scripted_dependencies(lock, name, limits.package_scripts_max)


def _pypi(tree: Path, name: str, limits: Limits) -> tuple[dict[str, str], tuple[str, ...]]:
    """Wheels run nothing when they are installed; but a `.pth` file with code runs at each start of Python."""
    found: dict[str, str] = {}
    others: set[str] = set()
    for folder in sorted(tree.glob("*.dist-info"))[: limits.directory_entries_max]:
        own = folder.name.partition("-")[0].replace("_", "-").replace(".", "-").lower() == name
        for file in pth_names(_text(folder / "RECORD", limits))[: limits.package_scripts_max]:
            if line := pth_code(_text(tree / file, limits)):
                found |= {file: line} if own else {}
                others |= set() if own else {folder.name.partition("-")[0].replace("_", "-")}
    return found, tuple(sorted(others))[: limits.package_scripts_max]


def _text(file: Path, limits: Limits) -> str:
    return _read(file, limits).decode("utf-8", "replace")


def _read(file: Path, limits: Limits) -> bytes:
    """At most `file_bytes_max`; nothing where there is no such file. The cache holds only files and its own links."""
    try:
        with file.open("rb") as stream:
            return stream.read(limits.file_bytes_max)
    except OSError:
        return b""
