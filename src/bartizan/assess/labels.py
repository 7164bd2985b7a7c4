"""Labels: what each tool can do, from its definition, its server and the credentials that the server holds.

Annotations and everything else in a definition are a server's claims. An annotation adds a danger and takes none away.
"""

import re
import string
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from bartizan.assess.vocabulary import PARTS, LabelRule, Part, Vocabulary
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.digest import digest
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.label import Ability, Label, as_attribute
from bartizan.text import regex
from bartizan.text.fold import fold

_NAME_CHARACTERS_MAX, _LEAD_CHARACTERS_MAX, _REST_CHARACTERS_MAX = 200, 300, 4_000
_PARAMETERS_MAX = 100
_CAMEL = re.compile(r"([a-z0-9])([A-Z])")
_APART = {ord(mark): " ; " if mark == ";" else " " for mark in string.punctuation}
_SENTENCE = re.compile(r"[.!?:](?=\s|$)|\n\s*\n")
_POINTERS: dict[Part, str] = {
    "name": "/name",
    "lead": "/description",
    "rest": "/description",
    "parameters": "/inputSchema/properties",
    "server": "server",
}


class Labeller:
    """Compiled once from a vocabulary; then one pass of one set of expressions for each part of a definition."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._rules = [(ability, rule) for ability in Ability for rule in vocabulary.labels.get(ability, ())]
        self._phrases = vocabulary.phrases
        self._credentials = vocabulary.credentials
        self._patterns = {name: regex.Pattern(phrase.expression) for name, phrase in self._phrases.items()}
        self._sets = [self._set(part) for part in PARTS]

    def _set(self, part: Part) -> tuple[Part, list[str], regex.PatternSet]:
        names = [name for name, phrase in self._phrases.items() if part in phrase.parts]
        return part, names, regex.PatternSet(self._phrases[name].expression for name in names)

    def labels(self, definition: JsonObject, server: Asset | None, credentials: Sequence[Asset]) -> tuple[Label, ...]:
        """The labels of one tool, in the order of `Ability`, each by the first of its rules that holds."""
        texts = parts_of(definition, server)
        met = {names[number] for part, names, found in self._sets for number in found.matching(texts[part])}
        annotations = as_object(definition.get("annotations"))
        labels: dict[Ability, Label] = {}
        for ability, rule in self._rules:
            if ability in labels or not rule.every <= met or not _holds(rule, met, annotations):
                continue
            held = self._held(rule, credentials)
            if held is not None:
                field, words = self._evidence(rule, met, texts)
                labels[ability] = Label(
                    ability=ability, confidence=rule.confidence, field=field, words=words, credential=held
                )
        return tuple(labels.values())

    def _held(self, rule: LabelRule, credentials: Sequence[Asset]) -> AssetId | None:
        """The credential that the rule asks for; empty where it asks for none, None where none is held."""
        if not rule.credentials:
            return ""
        kinds = self._credentials[rule.credentials]
        return next((one.id for one in credentials if one.attributes.get("kind") in kinds), None)

    def _evidence(self, rule: LabelRule, met: set[str], texts: Mapping[Part, str]) -> tuple[str, str]:
        """Where the most telling phrase of the rule stands, and its words."""
        if rule.claim:
            return f"/annotations/{rule.claim}", ""
        wanted = rule.every or rule.any & met
        for name, phrase in self._phrases.items():
            if name in wanted:
                for part in phrase.parts:
                    if place := self._patterns[name].first(texts[part]):
                        return _POINTERS[part], texts[part][place[0] : place[1]].strip()
        return "", ""


def _holds(rule: LabelRule, met: set[str], annotations: JsonObject) -> bool:
    """Whether a rule holds of which every phrase of `all` is met."""
    return (
        (not rule.any or not rule.any.isdisjoint(met))
        and rule.unless.isdisjoint(met)
        and (not rule.claim or annotations.get(rule.claim) is True)
    )


def parts_of(definition: JsonObject, server: Asset | None) -> dict[Part, str]:
    """What the phrases are looked for in: the parts of a definition, folded and bounded."""
    description = as_text(definition.get("description"))[: _LEAD_CHARACTERS_MAX + _REST_CHARACTERS_MAX].lstrip()
    end = _SENTENCE.search(description, 8, _LEAD_CHARACTERS_MAX)
    cut = end.start() if end else min(len(description), _LEAD_CHARACTERS_MAX)
    package = as_object(server.attributes.get("package")) if server else {}
    return {
        "name": _words(f"{as_text(definition.get('name'))[:_NAME_CHARACTERS_MAX]};{_title(definition)}"),
        "lead": fold(description[:cut]).strip(),
        "parameters": _words(";".join(_parameters(definition.get("inputSchema")))),
        "rest": fold(description[cut + 1 :]),
        "server": _server_words(server.name if server else "", as_text(package.get("name"))),
    }


def _title(definition: JsonObject) -> str:
    return as_text(definition.get("title") or as_object(definition.get("annotations")).get("title"))[
        :_NAME_CHARACTERS_MAX
    ]


@lru_cache(maxsize=256)
def _server_words(name: str, package: str) -> str:
    return _words(f"{name[:_NAME_CHARACTERS_MAX]};{package[:_NAME_CHARACTERS_MAX]}")


def _parameters(schema: Any) -> list[str]:
    """Names of parameters, and of those one level below."""
    found: list[str] = []
    for name, inner in list(as_object(as_object(schema).get("properties")).items())[:_PARAMETERS_MAX]:
        found.append(name[:_NAME_CHARACTERS_MAX])
        found += [one[:_NAME_CHARACTERS_MAX] for one in list(as_object(as_object(inner).get("properties")))[:20]]
    return found[:_PARAMETERS_MAX]


def _words(text: str) -> str:
    """The words of identifiers, folded: `sendEmail_v2` gives `send email v2`. No phrase spans a `;`."""
    apart = text if text.islower() else _CAMEL.sub(r"\1 \2", text)
    return " ".join(fold(apart).translate(_APART).split()).strip(" ;")


def labelled(inventory: Inventory, labeller: Labeller) -> Inventory:
    """The inventory with the attribute `labels` on every tool whose definition it holds."""
    assets = inventory.by_id()
    held: dict[AssetId, list[Asset]] = {}
    for edge in inventory.edges:
        if edge.kind is EdgeKind.HOLDS and edge.target in assets:
            held.setdefault(edge.source, []).append(assets[edge.target])
    told: dict[tuple[AssetId, str], list[JsonObject]] = {}
    for snapshot in inventory.snapshots:
        server, credentials = assets.get(snapshot.server), held.get(snapshot.server, [])
        for definition in snapshot.tools:
            fields = as_object(definition)
            told[snapshot.server, digest(definition)] = as_attribute(labeller.labels(fields, server, credentials))
    marked = tuple(_marked(asset, told) if asset.kind is AssetKind.TOOL else asset for asset in inventory.assets)
    return msgspec.structs.replace(inventory, assets=marked)


def _marked(tool: Asset, told: dict[tuple[AssetId, str], list[JsonObject]]) -> Asset:
    attributes = tool.attributes
    key = (as_text(attributes.get("server")), as_text(attributes.get("definition_sha256")))
    if key not in told:
        return tool
    return msgspec.structs.replace(tool, attributes={**attributes, "labels": told[key]})
