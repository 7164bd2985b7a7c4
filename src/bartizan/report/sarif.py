"""Findings as SARIF 2.1.0, for code scanning and editors.

A result stands in the file that a person would change: the place of the finding, else where its subject is configured.
What was not looked at is a notification, and an incomplete scan is an execution that did not succeed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from bartizan import __version__
from bartizan.model.asset import CONFIDENCE_ORDER
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.model.limits import DEFAULT
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions
from bartizan.report.file_uri import file_uri
from bartizan.report.gaps import Gap, gaps
from bartizan.report.json import dump
from bartizan.report.moment import rfc3339
from bartizan.report.subjects import Subjects
from bartizan.report.summary import Summary
from bartizan.text.normalise import show

Part = dict[str, Any]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFORMATIONAL: "note",
}
# Code scanning sorts by these: over 9.0 is critical there, 7.0 to 8.9 high, 4.0 to 6.9 medium, 0.1 to 3.9 low.
SECURITY_SEVERITIES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFORMATIONAL: "0.0",
}
_GAP = "not_looked_at"


def render(inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
    """One run. Equal input, equal bytes. What is accepted is left out: code scanning would show it as open."""
    del exceptions
    rules = _rules(findings)
    subjects = Subjects(inventory)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run: Part = {
        "tool": {"driver": _driver(rules)},
        "invocations": [_invocation(inventory, subjects)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index, subjects) for finding in findings],
    }
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver(rules: list[Part]) -> Part:
    gap: Part = {"id": _GAP, "shortDescription": {"text": "Something could not be looked at"}}
    return {"name": "Bartizan", "version": __version__, "rules": rules, "notifications": [gap]}


def _rules(findings: list[Finding]) -> list[Part]:
    """The rules that found something, by their id."""
    raised: dict[str, list[Finding]] = {}
    for finding in findings:
        raised.setdefault(_rule_id(finding), []).append(finding)
    return [_rule(identity, raised[identity]) for identity in sorted(raised)]


def _rule_id(finding: Finding) -> str:
    return _name(finding.rule) or "unnamed"


def _rule(identity: str, raised: list[Finding]) -> Part:
    """As bad as the worst of its findings, as sure as the least sure of them."""
    worst = max((finding.severity for finding in raised), key=lambda severity: severity.rank)
    surest = min((finding.confidence for finding in raised), key=CONFIDENCE_ORDER.__getitem__)
    title = _text(raised[0].title) or identity
    tags = [tag for finding in raised for tag in finding.tags]
    return {
        "id": identity,
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "help": {"text": _text(raised[0].remedy) or title},
        "defaultConfiguration": {"level": LEVELS[worst]},
        "properties": {
            "tags": _distinct(["security", *tags, *_weaknesses(tags)]),
            "security-severity": SECURITY_SEVERITIES[worst],
            "precision": str(surest),
        },
    }


def _weaknesses(tags: Iterable[str]) -> Iterable[str]:
    """CWE tags as code scanning writes them."""
    numbers = (tag.removeprefix("cwe.") for tag in tags if tag.startswith("cwe."))
    return (f"external/cwe/cwe-{number:0>3}" for number in numbers if number.isascii() and number.isdigit())


def _result(finding: Finding, index: dict[str, int], subjects: Subjects) -> Part:
    identity = _rule_id(finding)
    properties: Part = {
        "tags": _distinct(finding.tags),
        "security-severity": SECURITY_SEVERITIES[finding.severity],
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "evidence": _text(finding.evidence),
        "remedy": _text(finding.remedy),
    }
    return {
        "ruleId": identity,
        "ruleIndex": index[identity],
        "level": LEVELS[finding.severity],
        "message": {"text": _text(finding.message) or _text(finding.title) or identity},
        "locations": [_location(finding.place, finding.subject, subjects)],
        "partialFingerprints": {"bartizan/v1": _text(finding.id)},
        "properties": {key: value for key, value in properties.items() if value},
    }


def _location(place: Place | None, subject: str, subjects: Subjects) -> Part:
    """The file, where one is known, and in any case the thing itself."""
    where = place if place and place.path else subjects.place(subject)
    logical: list[Part] = [
        {"name": subjects.name(subject), "kind": subjects.kind(subject)}
        | ({"fullyQualifiedName": _text(subject)} if subject else {})
    ]
    if where and where.pointer:
        logical.append({"fullyQualifiedName": _text(where.pointer), "kind": "property"})
    return ({"physicalLocation": _physical(where)} if where else {}) | {"logicalLocations": logical}


def _physical(place: Place) -> Part:
    region = {"startLine": place.line, "startColumn": place.column} if place.line else {}
    known = {key: value for key, value in region.items() if value and value > 0}
    return {"artifactLocation": {"uri": file_uri(place.path)}} | ({"region": known} if "startLine" in known else {})


def _invocation(inventory: Inventory, subjects: Subjects) -> Part:
    return {
        "executionSuccessful": Summary.of(inventory, []).complete,
        "endTimeUtc": rfc3339(inventory.taken_at),
        "toolExecutionNotifications": [_notification(gap, subjects) for gap in gaps(inventory)],
    }


def _notification(gap: Gap, subjects: Subjects) -> Part:
    return {
        "descriptor": {"id": _GAP, "index": 0},
        "level": "error" if gap.failed else "warning",
        "message": {"text": _text(gap.text)},
        "locations": [_location(gap.place, gap.subject, subjects)],
        "properties": {"part": _name(gap.part), "outcome": gap.outcome},
    }


def _distinct(tags: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_name(tag) for tag in tags if tag))


def _name(text: str) -> str:
    return show(text, most=DEFAULT.shown_name_characters_max)


def _text(text: str) -> str:
    """Readers make a link of `[words](target)` even in plain text, and whose words these are nobody knows."""
    return show(text.strip()).replace("](", "] (")
