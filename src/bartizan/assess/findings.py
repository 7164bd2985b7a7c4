"""Findings on what servers say: every definition of a snapshot that is not clean, rule by rule."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bartizan.assess.copies import Entry, copies, entry
from bartizan.assess.judge import Judge, Judgement, Sign, Verdict
from bartizan.assess.leaves import leaves
from bartizan.model.asset import AssetId, AssetKind, Confidence, EdgeKind
from bartizan.model.digest import digest, digest_of_texts
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.origin import Origin
from bartizan.rules.check import worst_first

_HIGH_FROM, _MEDIUM_FROM = 0.65, 0.4
_INSTRUCTIONS = "instructions"
_NAMED_BY = {"resource": "uri", "resource template": "uriTemplate"}


def judge_definitions(inventory: Inventory, judge: Judge) -> list[Finding]:
    """Judge tools, prompts, resources and instructions. Worst first; equal input, equal output."""
    return worst_first(_all(inventory, judge))


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged: a definition of a list, or the instructions of a server.

    `name` tells it apart from others of its `kind` on `server`. `texts` are what a model reads of it, by JSON Pointer.
    """

    server: AssetId
    kind: str
    name: str
    texts: Mapping[str, Sequence[str]]

    @property
    def called(self) -> str:
        """As a sentence begins with it."""
        return "the server's instructions" if self.kind == _INSTRUCTIONS else f"{self.kind} {self.name}"


def definition_of(server: AssetId, kind: str, told: JsonObject) -> Definition:
    """A definition of a list; `kind` is tool, prompt, resource or resource template."""
    texts: dict[str, list[str]] = {}
    for leaf in leaves(told)[0]:
        texts.setdefault(leaf.pointer, []).append(leaf.text)
    return Definition(server=server, kind=kind, name=as_text(told.get(_NAMED_BY.get(kind, "name"))), texts=texts)


def instructions_of(server: AssetId, text: str) -> Definition:
    """The text that a server wants to be put before the model."""
    return Definition(server=server, kind=_INSTRUCTIONS, name="", texts={"": [text]})


def _all(inventory: Inventory, judge: Judge) -> Iterator[Finding]:
    exposed = {
        (asset.attributes.get("server"), asset.attributes.get("definition_sha256")): asset.id
        for kind in (AssetKind.TOOL, AssetKind.PROMPT, AssetKind.RESOURCE)
        for asset in inventory.of_kind(kind)
    }
    alike = _copies(inventory)
    for snapshot in inventory.snapshots:
        server = snapshot.server
        if snapshot.instructions:
            judgement = judge.text(snapshot.instructions, Origin.INSTRUCTIONS)
            told = instructions_of(server, snapshot.instructions)
            yield from findings_of(judgement, told, server, "/discovered/instructions")
        lists: Sequence[tuple[str, tuple[Any, ...]]] = (
            ("tools", snapshot.tools),
            ("prompts", snapshot.prompts),
            ("resources", snapshot.resources),
            ("resource_templates", snapshot.resource_templates),
        )
        for part, definitions in lists:
            for number, definition in enumerate(definitions):
                judgement = judge.definition(as_object(definition))
                if part == "tools" and (copied := alike.get((server, number))):
                    judgement = judge.with_copies(judgement, copied)
                if judgement.verdict is Verdict.CLEAN:
                    continue
                subject = exposed.get((server, digest(definition)), server)
                told = definition_of(server, part[:-1].replace("_", " "), as_object(definition))
                yield from findings_of(judgement, told, subject, f"/{part}/{number}")


def _copies(inventory: Inventory) -> dict[tuple[AssetId, int], list[str]]:
    """By server and number of the tool, what tool of another server of the same client it looks like."""
    tools = {snapshot.server: snapshot.tools for snapshot in inventory.snapshots}
    names = inventory.by_id()
    entries: list[Entry] = []
    places: list[tuple[AssetId, int]] = []
    for edge in inventory.edges:
        if edge.kind is not EdgeKind.CONFIGURES or edge.target not in tools:
            continue
        for number, definition in enumerate(tools[edge.target]):
            entries.append(entry(len(places), edge.source, edge.target, as_object(definition)))
            places.append((edge.target, number))
    told: dict[tuple[AssetId, int], list[str]] = {}
    for copy in copies(entries):
        server, original = names[places[copy.original][0]].name, entries[copy.original].name
        told.setdefault(places[copy.index], [f"like {original} of {server}, with its {copy.shared}"])
    return told


def findings_of(judgement: Judgement, told: Definition, subject: AssetId, pointer: str) -> Iterator[Finding]:
    """One finding for each rule of a judgement that is not clean, with its weightiest sign."""
    if judgement.verdict is Verdict.CLEAN:
        return
    rules: set[str] = set()
    for sign in judgement.signs:
        if sign.rule.name not in rules:
            rules.add(sign.rule.name)
            yield _finding(judgement, sign, told, subject, pointer)


def _finding(judgement: Judgement, sign: Sign, told: Definition, subject: AssetId, pointer: str) -> Finding:
    return Finding(
        id=_identity(judgement, sign, told),
        rule=sign.rule.name,
        title=sign.rule.title,
        subject=subject,
        severity=Severity.HIGH if judgement.verdict is Verdict.MALICIOUS else Severity.MEDIUM,
        confidence=confidence_of(sign.weight),
        message=f"{told.called} is {judgement.verdict.value} (score {judgement.score:.2f})",
        place=Place(pointer=f"{pointer}{sign.pointer}"[:500]),
        evidence=sign.evidence,
        remedy=sign.rule.check.remedy,
        tags=sign.rule.tags,
    )


def _identity(judgement: Judgement, sign: Sign, told: Definition) -> str:
    """Rests on every text in which the rule saw a sign: when one of them changes, or one is added, it is another fact.

    The place in the list is no part of it, and neither are texts in which the rule sees nothing.
    """
    fields = sorted(pointer for rule, pointer in judgement.pointers if rule == sign.rule.name)
    facts = [[pointer, *told.texts.get(pointer, ())] for pointer in fields]
    copied = [one.evidence for one in judgement.signs if one.rule is sign.rule and one.rule.check.copies]
    return finding_id(sign.rule.name, told.server, digest_of_texts([told.kind, told.name, *copied], *facts))


def confidence_of(weight: float) -> Confidence:
    """How sure one sign is by itself."""
    if weight >= _HIGH_FROM:
        return Confidence.HIGH
    return Confidence.MEDIUM if weight >= _MEDIUM_FROM else Confidence.LOW
