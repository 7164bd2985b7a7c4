"""Edits of a configuration that keep every other character: comments, order, indentation, line ends."""

import copy
import json
import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from yaml import YAMLError

from bartizan.discover.formats import BrokenError, front_matter, read_document
from bartizan.discover.spans import Member, Node, locate_json
from bartizan.discover.spans_toml import locate_toml
from bartizan.discover.spans_yaml import locate_yaml
from bartizan.model.client import Format
from bartizan.model.mend import Edit, Step

_BOM = "\ufeff"


class EditError(ValueError):
    """An edit that cannot be made, or would change more than it says. Quotes nothing of the document."""


def rewrite(text: str, form: Format, edits: Sequence[Edit]) -> str:
    """Make the edits in a text and verify them: both texts are read, and nothing else may differ. Raises EditError."""
    bom, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    try:
        expected = edited(read_document(body, form).value, edits)
        for edit in edits:
            body = _Writing(body, form).edit(edit)
        got = read_document(body, form).value
        if form == "toml":  # a table that only a header made, or that of its only table, is gone with it
            expected, got = without_emptied(expected, edits), without_emptied(got, edits)
        same = _canonical(got) == _canonical(expected)
    except (ValueError, LookupError, TypeError, RecursionError, YAMLError) as error:
        told = str(error) if isinstance(error, EditError | BrokenError) else "its form is not one that can be edited"
        raise EditError(told) from None
    if not same:
        raise EditError("the edit would change more than it says")
    return bom + body


def locate(text: str, form: Format) -> Node:
    """Where everything stands in a document without a byte order mark. Raises ValueError and IndexError."""
    if form == "toml":
        return locate_toml(text)
    if form == "yaml":
        return locate_yaml(text)
    return locate_yaml(front_matter(text)) if form == "markdown" else locate_json(text)


def edited(value: Any, edits: Sequence[Edit]) -> Any:
    """The value after the edits. Raises KeyError, IndexError for a path that is not there."""
    value = copy.deepcopy(value)
    for edit in edits:
        _edit(value, edit)
    return value


def value_at(value: Any, path: Sequence[Step]) -> Any:
    """What stands at a path. Raises KeyError, IndexError."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = cast("dict[str, Any]", value)[step]
        elif isinstance(value, list) and isinstance(step, int):
            value = cast("list[Any]", value)[step]
        else:
            raise KeyError(step)
    return value


def _edit(value: Any, edit: Edit) -> None:
    *above, last = edit.path
    if edit.action == "remove":
        del value_at(value, above)[last]
        return
    for step in above:
        if isinstance(value, dict) and step not in value:
            value[step] = {}
        value = value_at(value, (step,))
    if edit.action == "prepend":
        value[last] = [edit.value, *value.get(last, [])]
    else:
        value[last] = edit.value


def without_emptied(value: Any, edits: Sequence[Edit]) -> Any:
    """The value without the containers that a removal has left empty."""
    value = copy.deepcopy(value)
    for edit in edits:
        for end in range(len(edit.path) - 1, 0, -1) if edit.action == "remove" else ():
            try:
                if value_at(value, edit.path[:end]) in ({}, []):
                    del value_at(value, edit.path[: end - 1])[edit.path[end - 1]]
            except LookupError:
                continue
    return value


def _canonical(value: Any) -> bytes:
    """A text that tells 1 from true and from 1.0, which Python holds equal."""
    return msgspec.json.encode(value, order="sorted")


class _Writing:
    """One edit of one text."""

    def __init__(self, text: str, form: Format) -> None:
        self._text = text
        self._form: Format = form
        self._yaml = form in {"yaml", "markdown"}
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def edit(self, edit: Edit) -> str:
        root = locate(self._text, self._form)
        *above, last = edit.path
        node, missing = root, list[Step]()
        for number, step in enumerate(above):
            found = node.member(step)
            if found is None:
                missing = above[number:]
                break
            node = found.node
        known = None if missing else node.member(last)
        if edit.action == "remove":
            return self._removed(node, known)
        if edit.action == "prepend" and known is not None:
            return self._put_first(known.node, None, edit.value)
        value = [edit.value] if edit.action == "prepend" else edit.value
        if known is not None:
            return self._replaced(known.node, value)
        for step in reversed([*missing[1:], last] if missing else []):
            value = {str(step): value}
        return self._put_first(node, str(missing[0] if missing else last), value)

    def _replaced(self, node: Node, value: Any) -> str:
        if node.statements or (node.kind != "scalar" and not node.flow):
            raise EditError("a block cannot be replaced as a whole")
        raw = self._text[node.start : node.end]
        return self._text[: node.start] + self._written(value, like=raw) + self._text[node.end :]

    # What is put in stands first in its container, where no comma before it has to be found.

    def _put_first(self, node: Node, name: str | None, value: Any) -> str:
        if node.kind != ("list" if name is None else "map"):
            raise EditError("the place to write to is not what it should be")
        written = self._written(value)
        if name is not None:
            written = self._name(name) + written
        if self._form == "toml" and not node.flow:
            return self._put_in_table(node, written)
        first = node.members[0].start if node.members else None
        if node.flow:
            return self._put_in_brackets(node, first, written)
        if first is None:
            raise EditError("the place to write to is empty")
        at = node.start if name is None else first
        indent = self._newline + " " * (at - self._line(at))
        return self._text[:at] + ("- " if name is None else "") + written + indent + self._text[at:]

    def _put_in_brackets(self, node: Node, first: int | None, written: str) -> str:
        if first is None:
            return self._text[: node.start + 1] + written + self._text[node.start + 1 :]
        before = self._text[self._line(first) : first]
        apart = self._newline + before if not before.strip() and self._line(first) > node.start else " "
        return f"{self._text[:first]}{written},{apart}{self._text[first:]}"

    def _put_in_table(self, node: Node, written: str) -> str:
        if node.own is not None:
            indent = self._text[self._line(node.own) : node.own]
            return self._text[: node.own] + written + self._newline + indent + self._text[node.own :]
        if not node.statements or not self._text.startswith("[", node.statements[0][0]):
            raise EditError("the table has no header of its own to write below")
        start = node.statements[0][0]
        end = self._line_end(start)
        return self._text[:end] + self._newline + self._text[self._line(start) : start] + written + self._text[end:]

    def _removed(self, node: Node, known: Member | None) -> str:
        if known is None:
            raise EditError("there is nothing to remove")
        if self._form == "toml" and not known.node.flow:
            return self._without([self._whole_lines(*span) for span in _statements(known.node)])
        if node.flow:
            return self._without_in_brackets(node, known)
        if self._yaml and len(node.members) == 1:
            empty = "[]" if node.kind == "list" else "{}"
            return self._text[: node.start] + empty + self._text[node.end :]
        start = known.start
        if self._yaml and node.kind == "list":
            start = self._text.rindex("-", 0, start)
        if self._text[self._line(start) : start].strip():  # the first name after a dash: the next one takes its place
            following = min(one.start for one in node.members if one.start > start)
            return self._text[:start] + self._text[following:]
        return self._without([self._whole_lines(start, known.node.end)])

    def _without_in_brackets(self, node: Node, known: Member) -> str:
        number = next(number for number, one in enumerate(node.members) if one is known)
        comma = self._comma(known.node.end, node.end)
        end = known.node.end if comma is None else comma + 1
        cuts: list[tuple[int, int]] = []
        last = number == len(node.members) - 1
        if last and comma is None and number > 0:
            before = self._comma(node.members[number - 1].node.end, known.start)
            cuts += [(before, before + 1)] if before is not None else []
        rest = self._text[end : self._line_end(end)]
        whole = not self._text[self._line(known.start) : known.start].strip() and self._only_comment(rest)
        if whole and self._line(known.start) > node.start:
            cuts.append(self._whole_lines(known.start, end))
        elif last:
            before_it = node.members[number - 1].node.end if number and comma is None else known.start
            cuts = [(before_it, end)]
        else:
            cuts.append((known.start, node.members[number + 1].start))
        return self._without(cuts)

    def _comma(self, start: int, end: int) -> int | None:
        """The comma between two members; between them stand only blanks and comments."""
        comments = r"#[^\n]*" if self._form == "toml" or self._yaml else r"//[^\n]*|/\*[\s\S]*?\*/"
        blanked = re.sub(comments, lambda match: " " * len(match[0]), self._text[start:end])
        at = blanked.find(",")
        return None if at < 0 else start + at

    def _only_comment(self, rest: str) -> bool:
        marks = ("#",) if self._form == "toml" or self._yaml else ("//",)
        return not rest.strip() or rest.strip().startswith(marks)

    def _whole_lines(self, start: int, end: int) -> tuple[int, int]:
        after = self._text.find("\n", end)
        return self._line(start), len(self._text) if after < 0 else after + 1

    def _without(self, cuts: list[tuple[int, int]]) -> str:
        text = self._text
        for start, end in sorted(cuts, reverse=True):
            text = text[:start] + text[end:]
        return text

    def _line(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Before the line's end, whichever it is."""
        end = self._text.find("\n", at)
        end = len(self._text) if end < 0 else end
        return end - 1 if end > at and self._text[end - 1] == "\r" else end

    def _name(self, name: str) -> str:
        plain = re.fullmatch(r"[A-Za-z_][\w\-]*", name, re.ASCII)
        if self._form == "toml":
            return (name if plain else _quoted(name)) + " = "
        return (name if plain and self._yaml else _quoted(name)) + ": "

    def _written(self, value: Any, like: str = "") -> str:
        """A value in this format, quoted as the one was that stood there."""
        if self._form == "toml":
            return _toml(value, like)
        if isinstance(value, str) and self._yaml and _simple(value, like):
            return value if not like.startswith("'") else f"'{value}'"
        return json.dumps(value, ensure_ascii=False)


def _statements(node: Node) -> list[tuple[int, int]]:
    """The spans of a table: its header, its keys, and those of the tables below it."""
    found = list(node.statements)
    for member in node.members:
        found += [(member.start, member.node.end)] if member.node.flow else _statements(member.node)
    return list(dict.fromkeys(found))


_PLAIN = re.compile(r"[A-Za-z][\w@/.=<>+~\-]*", re.ASCII)
_WORDS = frozenset("true false yes no on off null y n".split())


def _simple(value: str, like: str) -> bool:
    """Whether a text can stand as the other one stood: in single quotes, or without any."""
    if like.startswith("'"):
        return value.isprintable() and "'" not in value
    return like[:1].isalpha() and bool(_PLAIN.fullmatch(value)) and value.lower() not in _WORDS


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(value: Any, like: str = "") -> str:
    if isinstance(value, str):
        literal = like.startswith("'") and not like.startswith("'''") and value.isprintable() and "'" not in value
        return f"'{value}'" if literal else _quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in cast("list[Any]", value)) + "]"
    if isinstance(value, dict):
        pairs = (f"{_quoted(name)} = {_toml(inner)}" for name, inner in cast("dict[str, Any]", value).items())
        return "{ " + ", ".join(pairs) + " }"
    return json.dumps(value)
