"""Parameters of tools that clients mirror into headers (`x-mcp-header`): which there are, and whether they agree.

Streamable HTTP of 2026-07-28, "Custom Headers from Tool Parameters". What a tool mirrors is known from the lists that
passed by; of a tool that is not known, headers go on untouched and its server judges them.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec

from bartizan.model.call import Call, Credentials
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.limits import DEFAULT, Limits
from bartizan.protocol.relay.headers import HeaderError, decoded, encoded
from bartizan.protocol.relay.refusals import Headers

KEY = "x-mcp-header"
PREFIX = "mcp-param-"
_TYPES = frozenset({"string", "integer", "boolean"})
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?")
_DATA = frozenset({"const", "default", "enum", "example", "examples"})  # values, no schemas
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})  # schemas by name

Path = tuple[str, ...]
Mirrors = Mapping[str, Path]
"""Where the value of each header stands in the arguments, by the header's whole name in lower case."""


class InvalidMirrorError(Exception):
    """A tool whose annotations are not what the specification allows. The text is ours."""


def mirrors(definition: Any) -> Mirrors:
    """The headers of a tool. Raises InvalidMirrorError: then a client must leave the tool out."""
    found: dict[str, Path] = {}
    for schema, path in _annotated(as_object(definition).get("inputSchema")):
        name, kind = schema[KEY], schema.get("type")
        if path is None or not path:
            raise InvalidMirrorError("an annotation that no chain of properties leads to")
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise InvalidMirrorError("an annotation that is no name of a header")
        if not isinstance(kind, str) or kind not in _TYPES:
            raise InvalidMirrorError("an annotation of something that is no string, integer or boolean")
        header = PREFIX + name.lower()
        if header in found:
            raise InvalidMirrorError("two annotations of one name")
        found[header] = path
    return found


def _annotated(schema: Any) -> Iterator[tuple[JsonObject, Path | None]]:
    """Every annotated schema, with the chain of properties that leads to it; None where there is none."""
    waiting: list[tuple[Any, Path | None]] = [(schema, ())]
    while waiting:
        one, path = waiting.pop()
        if isinstance(one, list):
            waiting += [(inner, None) for inner in cast("list[Any]", one)]
        if not isinstance(one, dict):
            continue
        members = cast("JsonObject", one)
        if KEY in members:
            yield members, path
        for key, value in members.items():
            if key in _NAMED and isinstance(value, dict):
                chained = path is not None and key == "properties"
                named = cast("JsonObject", value)
                waiting += [(inner, (*cast("Path", path), name) if chained else None) for name, inner in named.items()]
            elif key not in _DATA and key != KEY:
                waiting.append((value, None))


def disagreement(mirrored: Mirrors, arguments: JsonObject, headers: Mapping[str, str]) -> str:
    """Which header does not say what the body says; nothing where all agree ("Server Behavior for Custom Headers")."""
    for header, path in mirrored.items():
        value = _at(arguments, path)
        if value is None:
            if header in headers:
                return f"header {header[:80]} and the body differ"
        elif header not in headers:
            return f"header {header[:80]} is missing"
        elif not _equal(value, decoded(headers[header])):
            return f"header {header[:80]} and the body differ"
    return ""


def _at(arguments: JsonObject, path: Path) -> Any:
    value: Any = arguments
    for name in path:
        value = as_object(value).get(name)
    return value


def _equal(value: Any, said: str) -> bool:
    if isinstance(value, bool):
        return said == ("true" if value else "false")
    if isinstance(value, str):
        return said == value
    if isinstance(value, int | float):
        return _NUMBER.fullmatch(said) is not None and Decimal(said) == Decimal(value)
    return False


def as_headers(mirrored: Mirrors, arguments: JsonObject) -> Headers:
    """The headers that a client of this tool sends."""
    values = ((header, _at(arguments, path)) for header, path in mirrored.items())
    return tuple((header, encoded(_said(value))) for header, value in values if isinstance(value, str | int))


def _said(value: str | int) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class Mirrored:
    """What the tools of each server mirror, as those lists said that passed by: bounded, the oldest are forgotten.

    Servers may define a tool for each caller, so what one saw is compared with what that one sends.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._tools: OrderedDict[tuple[str, str], dict[str, Mirrors]] = OrderedDict()

    def learn(self, call: Call, definitions: Sequence[Any]) -> None:
        """Take what a page of a list says."""
        key = call.server, _who(call.credentials)
        known = dict(self._tools.pop(key, {}))
        for one in definitions:
            name = as_text(as_object(one).get("name"))
            known.pop(name, None)
            try:
                found = mirrors(one)
            except InvalidMirrorError:
                continue
            if found and len(known) < self._limits.mirrored_tools_max:
                known[name] = found
        if known:
            self._tools[key] = known
            while len(self._tools) > self._limits.mirrored_lists_max:
                self._tools.popitem(last=False)

    def of(self, server: str, credentials: Credentials, tool: str) -> Mirrors:
        """What a tool mirrors, as far as that is known."""
        if not self._tools:
            return {}
        return self._tools.get((server, _who(credentials)), {}).get(tool, {})

    def wrong(self, call: Call, headers: Headers) -> str:
        """Which header of a call contradicts its body; nothing where none is known to."""
        if call.method != "tools/call" or not (known := self.of(call.server, call.credentials, call.target)):
            return ""
        try:
            return disagreement(known, call.arguments, dict(headers))
        except HeaderError as error:
            return str(error)


def _who(credentials: Credentials) -> str:
    """Whose list it was, by what was shown, before anybody has looked into it."""
    shown = [
        credentials.bearer.reveal() if credentials.bearer else "",
        credentials.api_key.reveal() if credentials.api_key else "",
        as_text(credentials.certificate.get("x5t#S256")),
        str(credentials.user_id),
    ]
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()
