"""Findings on what servers say: every definition of a snapshot that is not clean, rule by rule."""

from collections.abc import Iterator, Sequence
from typing import Any

from bartizan.assess.copies import Entry, copies, entry
from bartizan.assess.judge import Judge, Judgement, Sign, Verdict
from bartizan.model.asset import AssetId, AssetKind, Confidence, EdgeKind
from bartizan.model.digest import digest
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object, as_text
from bartizan.rules.check import worst_first

_HIGH_FROM, _MEDIUM_FROM = 0.65, 0.4


def judge_definitions(inventory: Inventory, judge: Judge) -> list[Finding]:
    """Judge tools, prompts, resources and instructions. Worst first; equal input, equal output."""
    return worst_first(_all(inventory, judge))


def _all(inventory: Inventory, judge: Judge) -> Iterator[Finding]:
    exposed = {
        (asset.attributes.get("server"), asset.attributes.get("definition_sha256")): asset.id
        for kind in (AssetKind.TOOL, AssetKind.PROMPT, AssetKind.RESOURCE)
        for asset in inventory.of_kind(kind)
    }
    alike = _copies(inventory)
    for snapshot in inventory.snapshots:
        if snapshot.instructions:
            judgement = judge.text(snapshot.instructions)
            yield from findings_of(judgement, snapshot.server, "the server's instructions", "/discovered/instructions")
        lists: Sequence[tuple[str, tuple[Any, ...]]] = (
            ("tools", snapshot.tools),
            ("prompts", snapshot.prompts),
            ("resources", snapshot.resources),
            ("resource_templates", snapshot.resource_templates),
        )
        for part, definitions in lists:
            for number, definition in enumerate(definitions):
                judgement = judge.definition(as_object(definition))
                if part == "tools" and (told := alike.get((snapshot.server, number))):
                    judgement = judge.with_copies(judgement, told)
                if judgement.verdict is Verdict.CLEAN:
                    continue
                subject = exposed.get((snapshot.server, digest(definition)), snapshot.server)
                name = as_text(as_object(definition).get("name"))
                yield from findings_of(judgement, subject, f"{part[:-1].replace('_', ' ')} {name}", f"/{part}/{number}")


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


def findings_of(judgement: Judgement, subject: AssetId, what: str, pointer: str) -> Iterator[Finding]:
    """One finding for each rule of a judgement that is not clean, with its weightiest sign."""
    if judgement.verdict is Verdict.CLEAN:
        return
    told: set[str] = set()
    for sign in judgement.signs:
        if sign.rule.name not in told:
            told.add(sign.rule.name)
            yield _finding(judgement, sign, subject, what, pointer)


def _finding(judgement: Judgement, sign: Sign, subject: AssetId, what: str, pointer: str) -> Finding:
    return Finding(
        id=finding_id(sign.rule.name, subject, f"{what}\0{sign.pointer}"),
        rule=sign.rule.name,
        title=sign.rule.title,
        subject=subject,
        severity=Severity.HIGH if judgement.verdict is Verdict.MALICIOUS else Severity.MEDIUM,
        confidence=confidence_of(sign.weight),
        message=f"{what} is {judgement.verdict.value} (score {judgement.score:.2f})",
        place=Place(pointer=f"{pointer}{sign.pointer}"[:500]),
        evidence=sign.evidence,
        remedy=sign.rule.check.remedy,
        tags=sign.rule.tags,
    )


def confidence_of(weight: float) -> Confidence:
    """How sure one sign is by itself."""
    if weight >= _HIGH_FROM:
        return Confidence.HIGH
    return Confidence.MEDIUM if weight >= _MEDIUM_FROM else Confidence.LOW
