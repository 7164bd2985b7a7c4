"""Running checks: each yields what it sees, and the Finding is built from it and the rule's header."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from bartizan.model.asset import Asset, AssetId, Confidence
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.rules.load import Rule


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What a check saw on its subject.

    `detail` tells several sights of one rule on one subject apart and is part of the finding's id, so it must not
    change from run to run. `place_is_identity`: the id rests on the detail alone, because the subject's own id differs
    from deployment to deployment, as that of a credential does. `severity` and `confidence` replace the rule's where
    the case is better or worse than usual.
    """

    message: str
    detail: str = ""
    place_is_identity: bool = False
    place: Place | None = None
    evidence: str = ""
    severity: Severity | None = None
    confidence: Confidence | None = None


CheckFunction = Callable[[Any, Inventory], Iterable[Sight]]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and its pure function `check(subject, inventory)`; the subject is an Asset, or the Inventory itself."""

    rule: Rule
    function: CheckFunction


def run(checks: Iterable[Check], inventory: Inventory) -> list[Finding]:
    """Judge an inventory by all checks. Findings come worst first, then by subject; equal input, equal output."""
    return worst_first(finding for check in checks for finding in _run(check, inventory))


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The one order of findings: by severity, then by subject."""
    return sorted(findings, key=lambda finding: (-finding.severity.rank, finding.subject, finding.rule, finding.id))


def _run(check: Check, inventory: Inventory) -> Iterator[Finding]:
    judges = check.rule.check.judges
    subjects: list[tuple[AssetId, Asset | Inventory]] = (
        [("", inventory)] if judges is None else [(asset.id, asset) for asset in inventory.of_kind(judges)]
    )
    for identity, subject in subjects:
        for sight in check.function(subject, inventory):
            yield finding(check.rule, identity, sight)


def finding(rule: Rule, subject: AssetId, sight: Sight) -> Finding:
    """A Finding from what a check saw."""
    return Finding(
        id=finding_id(rule.name, "" if sight.place_is_identity else subject, sight.detail),
        rule=rule.name,
        title=rule.title,
        subject=subject,
        severity=sight.severity or rule.level,
        confidence=sight.confidence or rule.check.confidence,
        message=sight.message,
        place=sight.place,
        evidence=sight.evidence,
        remedy=rule.check.remedy,
        tags=rule.tags,
    )
