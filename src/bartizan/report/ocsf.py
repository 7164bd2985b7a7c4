"""Findings as OCSF 1.8 events, one JSON object per line, for a SIEM: Application Security Posture Finding (2007).

What was not looked at is an event of the same class, informational, so that silence about it cannot be read as clean.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bartizan import __version__
from bartizan.model.asset import AssetId, Confidence
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.model.limits import DEFAULT
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions, Suppressed
from bartizan.report.gaps import Gap, gaps
from bartizan.report.json import dump_line
from bartizan.report.subjects import Subjects
from bartizan.text.normalise import show

Part = dict[str, Any]

VERSION = "1.8.0"
SEVERITY_IDS = {
    Severity.INFORMATIONAL: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
    Severity.CRITICAL: 5,
}
CONFIDENCE_IDS = {Confidence.LOW: 1, Confidence.MEDIUM: 2, Confidence.HIGH: 3}
_CLASS = {
    "category_uid": 2,
    "category_name": "Findings",
    "class_uid": 2007,
    "class_name": "Application Security Posture Finding",
    "activity_id": 1,
    "activity_name": "Create",
    "type_uid": 200701,
    "type_name": "Application Security Posture Finding: Create",
    "status_id": 1,
    "status": "New",
}
_NAMESPACE = uuid5(NAMESPACE_URL, "https://bartizan.dev/ocsf")
_TECHNIQUE = re.compile(r"(?:attack\.(t\d{4})|atlas\.(aml\.t\d{4}))(\.\d{3})?")
_TACTIC = re.compile(r"attack\.(ta\d{4})")
_GAP = "not_looked_at"


def render(inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
    """JSON lines: the findings, those that are accepted, then the gaps. Equal input, equal bytes."""
    subjects = Subjects(inventory)
    bodies = [
        *(_finding(one, subjects) for one in findings),
        *(_suppressed(one, subjects) for one in exceptions.suppressed),
        *(_gap(one, subjects) for one in gaps(inventory)),
    ]
    return "".join(dump_line(_event(body, inventory.taken_at, subjects)) for body in bodies)


def _event(body: Part, at: datetime, subjects: Subjects) -> Part:
    """The event around a body. Its uid is drawn from what it says, so one that is sent twice is known as one."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    event: Part = {**_CLASS, "time": round(aware.timestamp() * 1000), **body}
    if subjects.host:
        event["device"] = {"type_id": 0, "type": "Unknown", "hostname": subjects.host}
    product = {"name": "Bartizan", "vendor_name": "Bartizan", "version": __version__}
    uid = uuid5(_NAMESPACE, dump_line(event))
    return {**event, "metadata": {"version": VERSION, "product": product, "uid": str(uid)}}


def _finding(finding: Finding, subjects: Subjects) -> Part:
    title = show(finding.title) or _name(finding.rule)
    return {
        **_rated(finding.severity, finding.confidence),
        "message": show(finding.message) or title,
        "finding_info": _without_empty(
            {
                "uid": show(finding.id),
                "title": title,
                "desc": show(finding.message),
                "types": [_name(tag) for tag in finding.tags if tag.startswith("owasp-mcp.")],
                "analytic": _analytic(finding.rule),
                "attacks": list(_attacks(finding.tags)),
            }
        ),
        "resources": [_resource(finding.subject, subjects)],
        # The class wants a remedy, an application, a control or a vulnerability; a plugin's rule may give none of them.
        "remediation": {"desc": show(finding.remedy.strip()) or "The rule names no remedy."},
        "unmapped": _without_empty(
            {
                "place": show(str(finding.place)) if finding.place else "",
                "evidence": show(finding.evidence),
                "tags": [_name(tag) for tag in finding.tags],
            }
        ),
    }


def _suppressed(one: Suppressed, subjects: Subjects) -> Part:
    entry = one.suppression
    told = f"{show(entry.reason)} (accepted by {_name(entry.author)} until {entry.until})"
    return {**_finding(one.finding, subjects), "status_id": 3, "status": "Suppressed", "comment": told}


def _gap(gap: Gap, subjects: Subjects) -> Part:
    place = str(gap.place) if gap.place else ""
    identity = finding_id(_GAP, gap.subject, "\0".join((gap.part, gap.outcome, place)))
    return {
        **_rated(Severity.INFORMATIONAL, Confidence.HIGH),
        "message": show(gap.text),
        "finding_info": {
            "uid": identity,
            "title": "Not looked at",
            "desc": show(gap.text),
            "types": ["coverage"],
            "analytic": _analytic(_GAP),
        },
        "resources": [_resource(gap.subject, subjects)],
        "remediation": {"desc": "Remove the reason and scan again. Until then nothing is known about this part."},
        "unmapped": _without_empty({"place": show(place), "part": _name(gap.part), "outcome": gap.outcome}),
    }


def _rated(severity: Severity, confidence: Confidence) -> Part:
    return {
        "severity_id": SEVERITY_IDS[severity],
        "severity": severity.capitalize(),
        "confidence_id": CONFIDENCE_IDS[confidence],
        "confidence": confidence.capitalize(),
    }


def _analytic(rule: str) -> Part:
    return {"type_id": 1, "type": "Rule", "uid": _name(rule) or "unnamed"}


def _resource(subject: AssetId, subjects: Subjects) -> Part:
    return _without_empty({"uid": show(subject), "name": subjects.name(subject), "type": subjects.kind(subject)})


def _attacks(tags: Iterable[str]) -> Iterable[Part]:
    """The tags that are ids of ATT&CK or ATLAS."""
    for tag in dict.fromkeys(tags):
        if found := _TECHNIQUE.fullmatch(tag):
            technique = (found[1] or found[2]).upper()
            below = {"sub_technique": {"uid": technique + found[3]}} if found[3] else {}
            yield {"technique": {"uid": technique}} | below
        elif found := _TACTIC.fullmatch(tag):
            yield {"tactic": {"uid": found[1].upper()}}


def _without_empty(part: Part) -> Part:
    return {key: value for key, value in part.items() if value}


def _name(text: str) -> str:
    return show(text, most=DEFAULT.shown_name_characters_max)
