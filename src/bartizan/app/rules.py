"""Rules on events: from files and folders to what the engine judges by."""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from bartizan.model.errors import Place, UsageError, reason_of
from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.fields import LogSources, load_log_sources

BUILT_IN = "bartizan.content"
_SUFFIXES = {".yml", ".yaml"}
_LOG_SOURCES = "logsources"


def log_sources(packages: Iterable[str] = (BUILT_IN,)) -> LogSources:
    """What log sources are in our events: `detections/logsources*.yml` of content packages. Raises ContentError."""
    texts: dict[str, str] = {}
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
