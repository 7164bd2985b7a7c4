"""Entry: what to start in a fetched package. Everything read here was written by the package: nothing is believed."""

import configparser
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bartizan.model.limits import Limits
from bartizan.ports import SandboxError
from bartizan.text.normalise import show


class PythonEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is `script` (then `value` is `module:object`) or `module`."""

    kind: str
    name: str
    value: str


def npm_entry(tree: Path, name: str, words: Sequence[str], limits: Limits) -> str:
    """The program's file, relative to `tree`. `words` say which of several is meant. Raises SandboxError."""
    folder = tree / "node_modules" / name
    try:
        document = msgspec.json.decode(_read(folder / "package.json", limits), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise SandboxError(f"skipped: package.json of {name} is not readable") from error
    programs = _npm_programs(document, name)
    file = (folder / programs[_choose(programs, name.rpartition("/")[2], words)]).resolve()
    if not file.is_relative_to(tree.resolve()) or not file.is_file():
        raise SandboxError(f"skipped: the program that {name} names is not in the package")
    if not _is_node(file):
        raise SandboxError(f"skipped: the program of {name} is no Node program")
    return str(file.relative_to(tree.resolve()))


def _npm_programs(document: Mapping[str, Any], name: str) -> dict[str, str]:
    stated: Any = document.get("bin")
    if isinstance(stated, str):
        return {name.rpartition("/")[2]: stated}
    try:
        return msgspec.convert(stated or {}, dict[str, str])
    except msgspec.ValidationError:
        return {}


def _is_node(file: Path) -> bool:
    with file.open("rb") as stream:
        first = stream.readline(200)
    return b"node" in first if first.startswith(b"#!") else file.suffix in {".js", ".mjs", ".cjs"}


def pypi_entry(tree: Path, name: str, words: Sequence[str], limits: Limits) -> PythonEntry:
    """The console script, or the package's own `__main__`. Raises SandboxError."""
    information = _information(tree, name)
    scripts = _scripts(information / "entry_points.txt", limits)
    module = next((word for word in words if (tree / _module_path(word) / "__main__.py").is_file()), "")
    if module and module not in scripts:
        return PythonEntry(kind="module", name=module, value=module)
    if not scripts and (tree / name.replace("-", "_") / "__main__.py").is_file():
        return PythonEntry(kind="module", name=name, value=name.replace("-", "_"))
    chosen = _choose(scripts, name, words)
    return PythonEntry(kind="script", name=chosen, value=scripts[chosen])


def _module_path(word: str) -> str:
    """A path for a dotted name; a name that cannot exist for anything else."""
    return word.replace(".", "/") if re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", word) else "\uffff"


def _information(tree: Path, name: str) -> Path:
    for folder in tree.glob("*.dist-info"):
        if re.sub(r"[-_.]+", "-", folder.name.partition("-")[0]).lower() == name:
            return folder
    raise SandboxError(f"skipped: {name} was fetched without its metadata")


def _scripts(file: Path, limits: Limits) -> dict[str, str]:
    if not file.exists():
        return {}
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of programs keep their case
    try:
        parser.read_string(_read(file, limits).decode("utf-8", "replace"))
    except configparser.Error as error:
        raise SandboxError("skipped: entry_points.txt is not readable") from error
    if not parser.has_section("console_scripts"):
        return {}
    stated = {key: value.partition("[")[0].strip() for key, value in parser.items("console_scripts")}
    return {key: value for key, value in stated.items() if re.fullmatch(r"[\w.]+:[\w.]+", value)}


def _choose(programs: Mapping[str, str], usual: str, words: Sequence[str]) -> str:
    for word in (*words, usual):
        if word in programs:
            return word
    if len(set(programs.values())) == 1:
        return next(iter(programs))
    if not programs:
        raise SandboxError(f"skipped: {usual} has no program to start")
    names = ", ".join(show(name, most=80) for name in sorted(programs)[:8])
    raise SandboxError(f"skipped: {usual} has several programs, and the command names none of them: {names}")


def _read(file: Path, limits: Limits) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.document_bytes_max + 1)
    except OSError as error:
        raise SandboxError(f"skipped: {file.name} is missing") from error
    if len(content) > limits.document_bytes_max:
        raise SandboxError(f"skipped: {file.name} is larger than document_bytes_max")
    return content
