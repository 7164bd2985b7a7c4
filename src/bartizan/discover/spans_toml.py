"""Where the tables and keys of a TOML document stand in its text."""

import re
import tomllib

from bartizan.discover.spans import Member, Node, Step

_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*+)*+")
_BLANKS = re.compile(r"[ \t]*+")
_NAME = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*+'|[A-Za-z0-9_\-]++")
_TEXT = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*+"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*+\'{3,5}|"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*+\''
)
_BARE = re.compile(r"[^\s,\]}#][^,\]}#\r\n]*+")


def locate_toml(text: str) -> Node:
    """The spans of a text that is known to be TOML. Raises ValueError."""
    reading = _Reading(text)
    reading.read()
    return reading.root


class _Reading:
    """One reading of a document, statement by statement."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.root = Node(kind="map", start=0, end=len(text), flow=False, own=0)

    def read(self) -> None:
        table, at = self.root, self._after(_BETWEEN, 0)
        while at < len(self._text):
            if self._text[at] == "[":
                double = self._text.startswith("[[", at)
                names, end = self._names(at + 1 + double)
                end += 1 + double
                table = self._table(names, double=double)
                table.statements.append((at, end))
                table.own = None  # behind this header, or at the first key below it
                table.end = end
            else:
                names, end = self._names(at)
                node = self._value(self._after(_BLANKS, end + 1))
                self._place(table, names, at, node)
                end = node.end
            at = self._after(_BETWEEN, end)

    def _table(self, names: list[str], *, double: bool) -> Node:
        node = self.root
        for number, name in enumerate(names):
            last = number == len(names) - 1
            known = node.member(name)
            inner = known.node if known else Node(kind="list" if double and last else "map", start=0, end=0, flow=False)
            if known is None:
                node.members.append(Member(step=name, start=0, node=inner))
            if inner.kind == "list":
                if double and last:
                    fresh = Node(kind="map", start=0, end=0, flow=False)
                    inner.members.append(Member(step=len(inner.members), start=0, node=fresh))
                inner = inner.members[-1].node
            node = inner
        return node

    def _place(self, table: Node, names: list[str], at: int, node: Node) -> None:
        """Put one key, dotted or plain, into its table."""
        target = table
        for name in names[:-1]:
            known = target.member(name)
            if known is None:
                known = Member(step=name, start=0, node=Node(kind="map", start=0, end=0, flow=False))
                target.members.append(known)
            target = known.node
            target.statements.append((at, node.end))
        target.members.append(Member(step=names[-1], start=at, node=node))
        if target is table and table is not self.root:
            table.own = at if table.own is None else table.own

    def _names(self, at: int) -> tuple[list[str], int]:
        """The parts of a dotted key, and where what follows it stands."""
        names: list[str] = []
        while True:
            at = self._after(_BLANKS, at)
            match = _NAME.match(self._text, at)
            if match is None:
                raise ValueError("no key where one should be")
            names.append(next(iter(tomllib.loads(f"{match[0]} = 1"))))
            at = self._after(_BLANKS, match.end())
            if not self._text.startswith(".", at):
                return names, at
            at += 1

    def _value(self, at: int) -> Node:
        if self._text[at : at + 1] in {"[", "{"}:
            return self._container(at)
        match = _TEXT.match(self._text, at) or _BARE.match(self._text, at)
        if match is None:
            raise ValueError("no value where one should be")
        return Node(kind="scalar", start=at, end=at + len(match[0].rstrip()))

    def _container(self, start: int) -> Node:
        named = self._text[start] == "{"
        node = Node(kind="map" if named else "list", start=start, end=start)
        at = self._after(_BETWEEN, start + 1)
        while self._text[at : at + 1] not in {"}", "]", ""}:
            begin = at
            step: Step = len(node.members)
            if named:
                found, at = self._names(at)
                if len(found) > 1:
                    raise ValueError("a dotted key in an inline table")
                step, at = found[0], self._after(_BLANKS, at + 1)
            inner = self._value(at)
            node.members.append(Member(step=step, start=begin, node=inner))
            at = self._after(_BETWEEN, inner.end)
            if self._text.startswith(",", at):
                at = self._after(_BETWEEN, at + 1)
        node.end = at + 1
        return node

    def _after(self, pattern: re.Pattern[str], at: int) -> int:
        match = pattern.match(self._text, at)
        return match.end() if match else at
