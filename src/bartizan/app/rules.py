"""Rules on events: from files and folders to what the engine judges by."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from bartizan.model.conversion import conversion
from bartizan.model.errors import ContentError, Place, UsageError, reason_of
from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.detection import Correlation, Rule
from bartizan.rules.documents import read_documents
from bartizan.rules.fields import LogSources, load_log_sources
from bartizan.rules.lint import warnings
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import read

BUILT_IN = "bartizan.content"
_SUFFIXES = {".yml", ".yaml"}
_LOG_SOURCES = "logsources"


def log_sources(packages: Iterable[str] = (BUILT_IN,), more: Mapping[str, str] | None = None) -> LogSources:
    """What log sources are in our events: `detections/logsources*.yml` of content packages, and `more` such files.

    Raises ContentError.
    """
    texts = dict(more or {})
    for package in packages:
        folder = files(package).joinpath("detections")
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name.startswith(_LOG_SOURCES) and entry.name.endswith(".yml"):
                texts[f"{package.replace('.', '/')}/detections/{entry.name}"] = entry.read_text(encoding="utf-8")
    return load_log_sources(texts)


def rule_files(paths: Iterable[Path], limits: Limits = DEFAULT) -> dict[str, str]:
    """The texts of rule files, and of all below folders, by path. Raises UsageError for what cannot be read."""
    texts: dict[str, str] = {}
    for path in paths:
        for file in _below(path):
            if len(texts) >= limits.rule_files_max:
                raise UsageError(f"more files than rule_files_max {limits.rule_files_max}", where=Place(path=str(path)))
            texts[str(file)] = _text(file, limits)
    return texts


def _below(path: Path) -> Iterator[Path]:
    """A file itself, or the YAML files below a folder, without those of samples and hidden ones."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path).parts
        if file.suffix in _SUFFIXES and file.is_file() and not any(part.startswith(".") for part in inside):
            yield file


def _text(file: Path, limits: Limits) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(limits.rule_file_bytes_max + 1)
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read it: {reason_of(error)}", where=Place(path=str(file))) from None
    except UnicodeDecodeError:
        raise UsageError("not UTF-8", where=Place(path=str(file))) from None


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """Rules of some paths: those that can be honoured, what is wrong with others, and what is seldom meant."""

    rules: tuple[Rule, ...]
    mistakes: tuple[tuple[Place, str], ...]
    warnings: tuple[tuple[Place, str], ...]
    files: int


def examine(paths: Sequence[Path], placeholders: Path | None = None) -> Examined:
    """Read all rules below some paths, or those that ship. Raises UsageError, ContentError for the log sources."""
    texts = rule_files(paths) if paths else built_in_rules()
    sources = {path: text for path, text in texts.items() if _is_map(path)}
    known = log_sources(more=sources)
    rules = {path: text for path, text in texts.items() if path not in sources}
    loaded = read(rules, Context(log_sources=known, placeholders=read_placeholders(placeholders)))
    return Examined(
        rules=loaded.rules,
        mistakes=loaded.mistakes,
        warnings=tuple(warnings(loaded.rules, known)),
        files=len(rules),
    )


def load_rules(paths: Sequence[Path], placeholders: Path | None = None) -> tuple[Rule, ...]:
    """The rules below some paths, or those that ship. Raises ContentError with every mistake, UsageError."""
    examined = examine(paths, placeholders)
    if examined.mistakes:
        raise ContentError(list(examined.mistakes))
    return examined.rules


def read_placeholders(path: Path | None) -> dict[str, tuple[str, ...]]:
    """The values of `expand`: a map of names to lists, in YAML. Raises UsageError, ContentError."""
    if path is None:
        return {}
    documents, mistakes = read_documents(str(path), _text(path, DEFAULT))
    told: dict[str, tuple[str, ...]] = {}
    for document in documents:
        found, wrong = conversion(document.value, dict[str, tuple[str, ...]])
        mistakes += document.located(wrong)
        told |= found or {}
    if mistakes:
        raise ContentError(mistakes)
    return told


def _is_map(path: str) -> bool:
    return Path(path).name.startswith(_LOG_SOURCES)


def built_in_rules(packages: Iterable[str] = (BUILT_IN,)) -> dict[str, str]:
    """The texts of the rules on events that ship, by path."""
    return {
        name: text
        for package in packages
        for name, text in _rules_in(files(package).joinpath("detections"), f"{package.replace('.', '/')}/detections")
    }


def _rules_in(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name) if folder.is_dir() else ():
        if entry.is_dir():
            yield from _rules_in(entry, f"{path}/{entry.name}")
        elif entry.name == "rule.yml":
            yield f"{path}/{entry.name}", entry.read_text(encoding="utf-8")


def place_of(rule: Rule) -> Path:
    """The file of a rule; of one that ships, where its package lies."""
    path = Path(rule.header.path)
    package = path.parts[0] if path.parts else ""
    if path.exists() or package != BUILT_IN.partition(".")[0]:
        return path
    return Path(str(files(package))).parent / path


def row_of(rule: Rule) -> dict[str, str]:
    """What a list of rules says of one."""
    if isinstance(rule, Correlation):
        kind, about = str(rule.type), ", ".join(rule.rules)
    else:
        kind, about = "detection", "/".join(rule.selector.log or ())
    header = rule.header
    return {
        "name": header.name,
        "id": header.id,
        "title": header.title,
        "type": kind,
        "source": about,
        "level": str(header.level),
        "stage": str(header.stage),
        "status": header.status,
        "path": header.path,
    }
