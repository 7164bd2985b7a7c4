"""The AI BOM in CycloneDX 1.7 and 1.6: what exists, what depends on what, what was found and what is not known.

CycloneDX has no type for MCP: a package is a component, a server a service, a tool a service below it, a credential a
cryptographic asset. Written by hand, so that nothing is lost in somebody's model; tests hold it to the strict schemas.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bartizan import __version__
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions
from bartizan.report.bom import COMPONENT_KINDS, Part, a_property, component, nested, service
from bartizan.report.gaps import said
from bartizan.report.json import dump
from bartizan.report.moment import rfc3339
from bartizan.report.summary import Summary, unasked

ROOT = "estate"
_NAMESPACE = uuid5(NAMESPACE_URL, "https://bartizan.dev/bom")
_SELF: Part = {"type": "application", "name": "bartizan", "version": __version__}
_OFFERED = {AssetKind.TOOL, AssetKind.PROMPT, AssetKind.RESOURCE}
_DEPENDENCIES = {
    EdgeKind.RUNS,
    EdgeKind.CONFIGURES,
    EdgeKind.DEFINES,
    EdgeKind.READS,
    EdgeKind.INSTANCE_OF,
    EdgeKind.LOADS,
    EdgeKind.HOLDS,
    EdgeKind.STORES,
    EdgeKind.UNLOCKS,
    EdgeKind.USES,
}
SEVERITY = {severity: str(severity) for severity in Severity} | {Severity.INFORMATIONAL: "info"}
FINDING_PROPERTIES = ("findingId", "confidence", "place", "evidence", "tag")
ESTATE_PROPERTIES = ("complete", "looks", "gaps")


def render(inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
    """CycloneDX 1.7 JSON. It says what there is, so nothing of it is excepted."""
    del exceptions
    return _render(inventory, findings, "1.7")


def render_1_6(inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
    """CycloneDX 1.6 JSON, for tools that do not read 1.7."""
    del exceptions
    return _render(inventory, findings, "1.6")


def _render(inventory: Inventory, findings: list[Finding], version: str) -> str:
    """Equal input, equal bytes: the serial number is drawn from the content, the time is the inventory's."""
    components, services = _components(inventory), _services(inventory)
    top = [part["bom-ref"] for part in (*components, *services)]
    known = {ROOT, *top, *(below["bom-ref"] for part in services for below in part.get("services", ()))}
    content: dict[str, Any] = {
        "metadata": _metadata(inventory, findings),
        "components": components,
        "services": services,
        "dependencies": _dependencies(inventory, top),
        "compositions": _compositions(inventory, known),
        "vulnerabilities": list(_vulnerabilities(findings, known)),
        "annotations": _annotations(inventory, known),
    }
    head = {"$schema": f"http://cyclonedx.org/schema/bom-{version}.schema.json", "bomFormat": "CycloneDX"}
    serial = f"urn:uuid:{uuid5(_NAMESPACE, dump([version, content]))}"
    return dump({**head, "specVersion": version, "serialNumber": serial, "version": 1, **content})


def _metadata(inventory: Inventory, findings: list[Finding]) -> Part:
    summary = Summary.of(inventory, findings)
    hosts = [host.name for host in inventory.of_kind(AssetKind.HOST)]
    name = f"MCP estate of {hosts[0]}" if len(hosts) == 1 else "MCP estate"
    return {
        "timestamp": rfc3339(inventory.taken_at),
        "lifecycles": [{"phase": "discovery"}, {"phase": "operations"}],
        "tools": {"components": [_SELF]},
        "component": {"type": "platform", "bom-ref": ROOT, "name": name},
        "properties": [
            a_property("complete", str(summary.complete).lower()),
            a_property("looks", str(summary.looks)),
            a_property("gaps", str(summary.gaps)),
        ],
    }


def _components(inventory: Inventory) -> list[Part]:
    return [component(asset) for asset in _distinct(inventory) if asset.kind in COMPONENT_KINDS]


def _services(inventory: Inventory) -> list[Part]:
    """Servers with what they offer, backends, and what is offered by no known server."""
    assets = _distinct(inventory)
    servers = {asset.id for asset in assets if asset.kind is AssetKind.SERVER}
    parents = {e.target: e.source for e in inventory.edges if e.kind is EdgeKind.EXPOSES and e.source in servers}
    below: dict[AssetId, list[Asset]] = defaultdict(list)
    for asset in assets:
        if asset.kind in _OFFERED and asset.id in parents:
            below[parents[asset.id]].append(asset)
    snapshots = {snapshot.server: snapshot for snapshot in inventory.snapshots}
    parts: list[Part] = []
    for asset in assets:
        if asset.kind in {AssetKind.SERVER, AssetKind.BACKEND}:
            parts.append(service(asset, below[asset.id], snapshots.get(asset.id)))
        elif asset.kind in _OFFERED and asset.id not in parents:
            parts.append(nested(asset))
    return parts


def _distinct(inventory: Inventory) -> list[Asset]:
    """Assets whose id can be a reference: not empty, not ours, and each once."""
    return [asset for identity, asset in inventory.by_id().items() if identity not in {"", ROOT}]


def _dependencies(inventory: Inventory, top: list[AssetId]) -> list[Part]:
    needs: dict[AssetId, set[AssetId]] = {ref: set() for ref in top}
    for edge in inventory.edges:
        if edge.kind in _DEPENDENCIES and edge.source in needs and edge.target in needs:
            needs[edge.source].add(edge.target)
    needed = {target for targets in needs.values() for target in targets}
    roots = [ref for ref in top if ref not in needed]
    return [{"ref": ref, "dependsOn": sorted(found)} for ref, found in [(ROOT, roots), *needs.items()]]


def _compositions(inventory: Inventory, known: set[AssetId]) -> list[Part]:
    """How much of each thing is known: `incomplete` wherever something was not looked at."""
    gaps = {_subject(look.subject, known) for look in inventory.incomplete}
    silent = unasked(inventory) & known
    seen = {_subject(look.subject, known) for look in inventory.looks} - gaps
    if not Summary.of(inventory, []).complete:
        gaps, seen = gaps | {ROOT}, seen - {ROOT}
    elif silent:
        silent, seen = silent | {ROOT}, seen - {ROOT}
    else:
        seen = seen | {ROOT}
    groups = (("complete", seen), ("incomplete", gaps), ("unknown", silent))
    return [{"aggregate": aggregate, "assemblies": sorted(refs)} for aggregate, refs in groups if refs]


def _subject(subject: AssetId, known: set[AssetId]) -> AssetId:
    return subject if subject in known else ROOT


def _vulnerabilities(findings: list[Finding], known: set[AssetId]) -> Iterable[Part]:
    used: set[str] = set()
    for number, finding in enumerate(findings):
        ref = finding.id if finding.id and finding.id not in known | used else f"finding:{number}"
        used.add(ref)
        part: Part = {
            "bom-ref": ref,
            "id": finding.rule,
            "source": {"name": "Bartizan"},
            "ratings": [{"source": {"name": "Bartizan"}, "severity": SEVERITY[finding.severity], "method": "other"}],
            "cwes": _weaknesses(finding),
            "description": finding.title,
            "detail": finding.message,
            "recommendation": finding.remedy,
            "affects": [{"ref": _subject(finding.subject, known)}],
            "properties": list(_finding_properties(finding)),
        }
        yield {key: value for key, value in part.items() if value}


def _weaknesses(finding: Finding) -> list[int]:
    """The CWE numbers among the tags."""
    numbers = (tag.removeprefix("cwe.") for tag in finding.tags if tag.startswith("cwe."))
    return [int(number) for number in numbers if number.isascii() and number.strip("0").isdigit() and len(number) < 7]


def _finding_properties(finding: Finding) -> Iterable[Part]:
    yield a_property("findingId", finding.id)
    yield a_property("confidence", finding.confidence)
    if finding.place:
        yield a_property("place", str(finding.place))
    if finding.evidence:
        yield a_property("evidence", finding.evidence)
    for tag in finding.tags:
        yield a_property("tag", tag)


def _annotations(inventory: Inventory, known: set[AssetId]) -> list[Part]:
    """Each thing that was not looked at, in words, at what it concerns."""
    when = rfc3339(inventory.taken_at)
    texts = dict.fromkeys((_subject(look.subject, known), said(look)) for look in inventory.incomplete)
    return [
        {"subjects": [subject], "annotator": {"component": _SELF}, "timestamp": when, "text": text}
        for subject, text in texts
    ]
