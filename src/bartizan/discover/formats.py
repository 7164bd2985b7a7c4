"""The formats of configuration files, read with the places of what stands in them: JSON with comments, YAML, TOML."""

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any, cast

import yaml

from bartizan.discover.jsonc import JsoncPositions, read_jsonc
from bartizan.discover.yamlc import YamlPositions, read_yaml
from bartizan.model.client import Format
from bartizan.model.errors import Place
from bartizan.model.limits import DEFAULT, Limits
from bartizan.text.patterns import without_secrets

Step = str | int


class BrokenError(ValueError):
    """A text that is not of its format. The reason quotes nothing of the text, which may hold secrets."""

    def __init__(self, reason: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


class Document:
    """A parsed document, and the lines of what stands in it."""

    def __init__(self, value: Any, positions: "JsoncPositions | YamlPositions | _TomlPositions") -> None:
        self.value, self._positions = value, positions

    def line(self, path: Sequence[Step]) -> int | None:
        """The line, from 1, on which the name (or the element) at this path stands, or that of the nearest above."""
        return self._positions.line(path)

    def repeated(self, path: Sequence[Step]) -> list[tuple[str, int]]:
        """Names that stand twice in the object at this path, with the line of each later one."""
        return self._positions.repeated(path)

    def place(self, file: str, path: Sequence[Step]) -> Place:
        """The place of what stands at `path` in this document, which is the file `file`."""
        where = pointer(path)  # made of names, and a secret can stand where a name should
        return Place(path=file, line=self.line(path), pointer=without_secrets(where))


def pointer(path: Sequence[Step]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def read_document(text: str, form: Format, limits: Limits = DEFAULT) -> Document:
    """Parse a configuration. An empty file is an empty object. Raises BrokenError, with the line where it is known."""
    text = text.removeprefix("\ufeff")
    if form == "markdown":
        text, form = front_matter(text), "yaml"
    if not text.strip():
        return Document({}, JsoncPositions("{}"))
    try:
        if form == "jsonl":
            return Document([_clean(_json_line(line), line) for line in text.splitlines()], JsoncPositions("[]"))
        if form == "yaml":
            value, yaml_positions = read_yaml(_bounded(text, limits), limits)
            return Document(_clean(value, text), yaml_positions)
        if form == "toml":
            return _toml(_bounded(text, limits))
        value, positions = read_jsonc(text)
        _check_depth(value, limits.json_depth_max)
        return Document(_clean(value, text), positions)
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(error) from None
    except RecursionError:
        raise BrokenError("nested too deeply") from None
    except (ValueError, yaml.YAMLError) as error:
        raise _value_error(error) from None


_END_OF_FRONT_MATTER = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)


def front_matter(text: str) -> str:
    """The YAML between two lines of dashes at the head of a Markdown file; line numbers stay."""
    if not re.match(r"---[ \t]*\r?\n", text):
        return ""
    end = _END_OF_FRONT_MATTER.search(text, 4)
    return text[: end.start()] if end else ""


def _json_line(line: str) -> Any:
    """The value of one line of JSON lines; a line that is none is a text, for nothing of it may be passed over."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _bounded(text: str, limits: Limits) -> str:
    if len(text) > limits.document_bytes_max:
        raise BrokenError(f"larger than document_bytes_max ({limits.document_bytes_max})")
    return text


def _check_depth(value: Any, most: int) -> None:
    layer = [value]
    for _ in range(most + 1):
        layer = [inner for one in layer for inner in _children(one)]
        if not layer:
            return
    raise BrokenError(f"nested deeper than json_depth_max ({most})")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []


def _clean(value: Any, text: str) -> Any:
    r"""Replace lone surrogates, which JSON can spell as `\ud800` and no encoding can write."""
    return _replaced(value) if "\\u" in text or "\\U" in text or not text.isascii() else value


def _replaced(value: Any) -> Any:
    """Plain JSON: texts that can be encoded, dates and endless whole numbers as texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {str(_replaced(name)): _replaced(inner) for name, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_replaced(inner) for inner in cast("list[Any]", value)]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 1_000:
        return hex(value)
    return value if isinstance(value, int | float) or value is None else str(value)


_QUOTED = re.compile(r"[\"'(:]")  # from here on a parser's message may quote the text


def _yaml_error(error: yaml.MarkedYAMLError) -> BrokenError:
    mark = error.problem_mark or error.context_mark
    reason = _QUOTED.split(error.problem or "")[0].strip()
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return BrokenError(f"not YAML: {reason}", line=line, column=column)


def _value_error(error: Exception) -> BrokenError:
    if isinstance(error, BrokenError):
        return error
    line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
    if line is None and (match := re.search(r"\(at line (\d+), column (\d+)\)", str(error))):
        line, column = int(match[1]), int(match[2])
    kind = {"JSONDecodeError": "JSON", "TOMLDecodeError": "TOML"}.get(type(error).__name__, "readable")
    # The JSON parser quotes at most one character; the others quote what they met.
    told = str(getattr(error, "msg", error))
    reason = (told if kind == "JSON" else _QUOTED.split(told)[0]).strip()[:200]
    return BrokenError(f"not {kind}: {reason}", line=line, column=column)


_HEADER = re.compile(r"[ \t]*(\[\[?[^\n\[\]=]{1,1000}\]\]?)[ \t]*(?:#[^\n]*)?\r?")
_PAIR = re.compile(r"[ \t]*((?:[A-Za-z0-9_\-]{1,200}|\"[^\"\n]{1,200}\"))[ \t]*=")
_DOTS_MAX = 1_000  # the parser's time grows with the square of the parts of a dotted key


def _toml(text: str) -> Document:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _DOTS_MAX and any(part.count(".") > _DOTS_MAX for part in line.split("=")):
            raise BrokenError("not TOML: a dotted key of too many parts", line=number)
    value = tomllib.loads(text)
    _check_depth(value, DEFAULT.json_depth_max)
    return Document(_replaced(value), _TomlPositions(text))


class _TomlPositions:
    """The lines of tables and of their keys. TOML refuses names that stand twice by itself."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.split("\n"), 1):
            if header := _HEADER.fullmatch(line):
                table = _names(header[1])
                self._lines.setdefault(table, number)
            elif pair := _PAIR.match(line):
                self._lines.setdefault((*table, pair[1].strip('"')), number)

    def line(self, path: Sequence[Step]) -> int | None:
        names = tuple(step for step in path if isinstance(step, str))
        while names:
            if (found := self._lines.get(names)) is not None:
                return found
            names = names[:-1]
        return 1

    def repeated(self, _path: Sequence[Step]) -> list[tuple[str, int]]:
        return []


def _names(header: str) -> tuple[str, ...]:
    """The names of a table header, by the parser itself."""
    try:
        inner: Any = tomllib.loads(header)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    names: list[str] = []
    while inner:
        if isinstance(inner, list):
            inner = cast("list[Any]", inner)[0]
            continue
        name, inner = next(iter(cast("dict[str, Any]", inner).items()))
        names.append(name)
    return tuple(names)
