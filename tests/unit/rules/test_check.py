"""Running checks: what they see becomes Findings, in one order."""

from datetime import UTC, datetime

import msgspec

from bartizan.model.asset import Asset, AssetKind, Confidence
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Check, Sight, run
from bartizan.rules.load import load

RULE = """
title: A rule
id: 11111111-2222-4333-8444-555555555555
name: a_rule
status: stable
description: What it sees.
author: Bartizan
date: 2026-11-20
tags: [cwe.1]
level: medium
falsepositives: [none known]
check: {judges: server, confidence: low, remedy: Mend it.}
"""
INVENTORY = Inventory(
    taken_at=datetime(2026, 11, 20, tzinfo=UTC),
    assets=tuple(Asset(id=f"server:{name}", kind=AssetKind.SERVER, name=name) for name in "ab"),
)


def checks(function, judges: str = "server"):  # type: ignore[no-untyped-def]
    (rule,) = load({"rule.yml": RULE.replace("judges: server, ", f"judges: {judges}, " if judges else "")})
    return [Check(rule=rule, function=function)]


def test_a_sight_takes_severity_and_confidence_of_its_rule_unless_it_says_otherwise():
    def look(subject: Asset, _inventory: Inventory):
        yield Sight(message=subject.name)
        yield Sight(message="worse", detail="2", severity=Severity.CRITICAL, confidence=Confidence.HIGH)

    found = run(checks(look), INVENTORY)
    assert [(one.severity, one.confidence) for one in found[:1]] == [(Severity.CRITICAL, Confidence.HIGH)]
    assert [(one.severity, one.confidence, one.remedy) for one in found[-1:]] == [
        (Severity.MEDIUM, Confidence.LOW, "Mend it.")
    ]
    assert len({one.id for one in found}) == 4


def test_findings_are_worst_first_and_equal_for_equal_input_in_any_order():
    def look(subject: Asset, _inventory: Inventory):
        yield Sight(message=subject.name, severity=Severity.HIGH if subject.name == "b" else None)

    turned = msgspec.structs.replace(INVENTORY, assets=INVENTORY.assets[::-1])
    found = run(checks(look), INVENTORY)
    assert [one.subject for one in found] == ["server:b", "server:a"]
    assert run(checks(look), turned) == found


def test_an_id_stays_when_only_the_words_change():
    def words(text: str):  # type: ignore[no-untyped-def]
        def look(_subject: Asset, _inventory: Inventory):
            yield Sight(message=text, detail="field")

        return look

    assert [one.id for one in run(checks(words("x")), INVENTORY)] == [
        one.id for one in run(checks(words("y")), INVENTORY)
    ]


def test_a_check_without_a_kind_judges_the_inventory_once():
    def look(subject: Inventory, _inventory: Inventory):
        yield Sight(message=f"{len(subject.assets)} assets")

    (one,) = run(checks(look, judges=""), INVENTORY)
    assert (one.message, one.subject) == ("2 assets", "")
