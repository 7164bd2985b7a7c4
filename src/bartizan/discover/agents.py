"""Agents and what steers them: definitions, instructions, skills, hooks and memory, each with its hash and place.

Ids follow the path, so a change of a file is a new hash of the same asset, and the merge shows it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from bartizan.discover.catalogue import UNKNOWN, Catalogue, owned
from bartizan.discover.documents import Texts
from bartizan.discover.formats import BrokenError, Document, pointer, read_document
from bartizan.discover.gather import Gathering
from bartizan.discover.hooks import hooks_of, prompts_of
from bartizan.discover.identify import asset_id
from bartizan.discover.walk import Path, at, in_prose, texts
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.client import ClientSpec, ConfigPath
from bartizan.model.coverage import Outcome
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.json import as_object
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.record import FileRecord
from bartizan.model.secret import Secret
from bartizan.text.redaction import redact_text

SEEN_BY = "agent documents"
_PROSE = frozenset({"instruction", "skill", "hook", "script", "memory"})
_SHOWN_COMMANDS_MAX = 100


def read_agents(
    records: Sequence[FileRecord],
    catalogue: Sequence[ClientSpec],
    *,
    key: Secret,
    at: datetime,
    limits: Limits = DEFAULT,
) -> Observation:
    """Read agents, instructions, skills, hooks and memory out of `records`. Raises nothing for what they hold."""
    reading = _Reading(key, limits)
    known = Catalogue(catalogue)
    for record in owned([one for one in records if one.role != "dotenv"], known):
        entry, spec = known.entry(record), known.clients.get(record.client)
        if entry is not None and spec is not None and record.client != UNKNOWN:
            reading.read(record, entry, spec)
    return reading.gathering.observation(SEEN_BY, at)


class _Reading:
    """One reading of all documents."""

    def __init__(self, key: Secret, limits: Limits) -> None:
        self.gathering = Gathering()
        self._key, self._limits = key, limits
        self._texts = Texts(self.gathering, key, limits)

    def read(self, record: FileRecord, entry: ConfigPath, spec: ClientSpec) -> None:
        """Read one file for what steers agents in it."""
        if entry.role in _PROSE:
            self._prose(record, self.gathering.client(spec, record), entry)
        if entry.role == "agent" and not entry.agents:
            self._agent_file(record, self.gathering.client(spec, record), entry)
        if (entry.hooks or entry.agents or entry.approvals) and record.text is not None:
            document = self._document(record, entry)
            if document is not None:
                self._approvals(record, entry, spec, document)
                self._hooks(record, entry, spec, document)
                self._agents_within(record, entry, spec, document)

    def _prose(self, record: FileRecord, client: AssetId, entry: ConfigPath) -> None:
        told = self._skill(record, entry) if entry.role == "skill" else {}
        stored = self.gathering.document(record, client, entry.role, scope=entry.scope, **told)
        self._say(record, entry, stored, self._structured(record, entry))

    def _skill(self, record: FileRecord, entry: ConfigPath) -> dict[str, Any]:
        """What a skill says of when it is used and what it may use, which is always before its model."""
        if entry.format != "markdown" or (document := self._document(record, entry)) is None:
            return {}
        value = as_object(document.value)
        tools = [self._shown(tool) for tool in _tools(value)][:_SHOWN_COMMANDS_MAX]
        description = self._shown(_text(value, "description"))
        return {name: told for name, told in (("description", description), ("tools", tools)) if told}

    def _structured(self, record: FileRecord, entry: ConfigPath) -> Document | None:
        """A file of which the values are read by an agent, and not the text as it stands: spelling hides nothing."""
        return self._document(record, entry) if entry.format in {"json", "jsonc", "jsonl"} else None

    def _say(self, record: FileRecord, entry: ConfigPath, stored: AssetId, document: Document | None) -> None:
        """Keep what the file says, and its credentials."""
        if record.text is None:  # the collector's look says why
            return
        place = Place(path=record.path)
        if document is None:
            found = self._texts.take(stored, entry.role, record.text.reveal(), place)
            self.gathering.credentials(found, (stored, EdgeKind.STORES))
            return
        said = "\n\n".join(text for _, text in texts(document.value))
        self._texts.take(stored, entry.role, said, place, line=None)
        self._secrets(record, stored)

    def _secrets(self, record: FileRecord, stored: AssetId) -> None:
        if record.text is None:  # the collector's look says why
            return
        found = in_prose(record.text.reveal(), record.path, self._key, self._limits)
        self.gathering.credentials(found, (stored, EdgeKind.STORES))

    def _document(self, record: FileRecord, entry: ConfigPath) -> Document | None:
        try:
            return read_document(record.text.reveal() if record.text else "", entry.format, self._limits)
        except BrokenError as error:
            if entry.role == "agent" and not entry.keys:  # of all others the reading of the servers tells it
                place = Place(path=record.path, line=error.line, column=error.column)
                self.gathering.look("configuration", Outcome.FAILED, error.reason, place)
            return None

    def _agent_file(self, record: FileRecord, client: AssetId, entry: ConfigPath) -> None:
        """A file that defines one agent: Markdown with front matter, JSON or YAML."""
        stored = self.gathering.document(record, client, "agent", scope=entry.scope)
        document = self._document(record, entry)
        self._say(record, entry, stored, document if entry.format in {"json", "jsonc"} else None)
        if document is None:
            return
        value = as_object(document.value)
        name = _text(value, "name", "title") or re.sub(r"\..*", "", record.path.rpartition("/")[2])
        self._agent(record, client, name, value, sha256=record.sha256, place=Place(path=record.path), reads=stored)

    def _agents_within(self, record: FileRecord, entry: ConfigPath, spec: ClientSpec, document: Document) -> None:
        """Agents that a settings file defines in a map or an array."""
        for key in entry.agents:
            for path, table in at(document.value, key):
                for name, inner, here in _named(table, path):
                    place = document.place(record.path, here)
                    client = self.gathering.client(spec, record)
                    agent = self._agent(record, client, name, inner, sha256=_digest(inner), place=place)
                    said = "\n\n".join(text for _, text in texts(inner))
                    self._texts.take(agent, "agent", said, place, line=None)

    def _agent(
        self,
        record: FileRecord,
        client: AssetId,
        name: str,
        value: dict[str, Any],
        *,
        sha256: str,
        place: Place,
        reads: AssetId | None = None,
    ) -> AssetId:
        attributes = {
            "client": record.client,
            "model": self._shown(_text(value, "model")),
            "tools": [self._shown(tool) for tool in _tools(value)],
            "sha256": sha256,
        }
        agent = self.gathering.asset(
            Asset(
                id=asset_id("agent", record.path, place.pointer),
                kind=AssetKind.AGENT,
                name=self._shown(name),
                keys=(f"agent:{record.path}{place.pointer}",),
                attributes={key: told for key, told in attributes.items() if told},
                places=(place,),
            )
        )
        self.gathering.edge(client, agent, EdgeKind.DEFINES)
        if reads is not None:
            self.gathering.edge(agent, reads, EdgeKind.READS)
        return agent

    def _shown(self, text: str) -> str:
        return redact_text(text[:1000], Place(), self._key).text

    def _hooks(self, record: FileRecord, entry: ConfigPath, spec: ClientSpec, document: Document) -> None:
        """Commands that a client starts by itself, as one document asset for each file and place."""
        for key in entry.hooks:
            for path, value in at(document.value, key):
                hooks, prompts = list(hooks_of(value, path)), list(prompts_of(value, path))
                if not hooks and not prompts:
                    continue
                told = [
                    {**hook.facts(), "command": self._shown(hook.command), "line": document.line(hook.path)}
                    for hook in hooks[:_SHOWN_COMMANDS_MAX]
                ]
                whole = msgspec.structs.replace(record, sha256=_digest(value))
                stored = self.gathering.document(
                    whole,
                    self.gathering.client(spec, record),
                    "hook",
                    commands=[hook["command"] for hook in told],
                    hooks=told,
                    scope=entry.scope,
                    **_pointer(path),
                )
                self._secrets(record, stored)
                place = Place(path=record.path)
                for hook in hooks:
                    self._texts.take(stored, "hook", hook.command, place, line=document.line(hook.path))
                for where, prompt in prompts:
                    self._texts.take(stored, "instruction", prompt, place, line=document.line(where))

    def _approvals(self, record: FileRecord, entry: ConfigPath, spec: ClientSpec, document: Document) -> None:
        """Settings by which a client asks its user less, as they stand."""
        told = [
            {"setting": self._shown("/".join(map(str, path))), "value": self._plain(value), "line": document.line(path)}
            for key in entry.approvals
            for path, value in at(document.value, key)
            if isinstance(value, (bool, str, list))
        ]
        if told:
            client = self.gathering.client(spec, record)
            settings = told[:_SHOWN_COMMANDS_MAX]
            self.gathering.document(record, client, "settings", scope=entry.scope, approvals=settings)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, list):
            words = (one for one in cast("list[Any]", value) if isinstance(one, str))
            return [self._shown(one) for one in words][:_SHOWN_COMMANDS_MAX]
        return self._shown(value) if isinstance(value, str) else value


def _pointer(path: Path) -> dict[str, str]:
    return {"pointer": pointer(path)} if path else {}


def _digest(value: Any) -> str:
    """SHA-256 over a part of a document, whatever the order of its names and its white space."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _named(table: Any, path: Path) -> Iterator[tuple[str, dict[str, Any], Path]]:
    """Name, definition and path of each object of a map or an array."""
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(table, dict):
        pairs = list(cast("dict[str | int, Any]", table).items())
    elif isinstance(table, list):
        pairs = list(enumerate(cast("list[Any]", table)))
    for step, inner in pairs:
        if isinstance(inner, dict):
            definition = cast("dict[str, Any]", inner)
            yield _text(definition, "name", "slug", "id") or str(step), definition, (*path, step)


def _text(value: dict[str, Any], *names: str) -> str:
    return next((found for name in names if isinstance(found := value.get(name), str) and found), "")


def _tools(value: dict[str, Any]) -> list[str]:
    """Tools as an array, as a comma-separated text, or as a map of switches."""
    told = next((value[name] for name in ("tools", "allowedTools", "allowed-tools") if name in value), None)
    if isinstance(told, str):
        return [word.strip() for word in told.split(",") if word.strip()][:1000]
    if isinstance(told, list):
        return [word for word in cast("list[Any]", told) if isinstance(word, str)][:1000]
    if isinstance(told, dict):
        return [name for name, on in cast("dict[str, Any]", told).items() if on is not False][:1000]
    return []
