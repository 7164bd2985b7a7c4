"""Every rule proves itself: on samples that it matches, and on samples that it does not."""

from importlib.resources import files

import pytest

from bartizan.app.content import load_checks
from bartizan.rules.check import Check, run
from bartizan.rules.samples import read_samples

CHECKS = load_checks()


def samples(check: Check, kind: str):
    package, _, _ = check.function.__module__.rpartition(".")
    path = files(package).joinpath("samples").joinpath(f"{kind}.jsonl")
    return read_samples(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.rule.name)
@pytest.mark.mission("K4.assess", "K5.assess", "P4")
def test_a_rule_finds_something_in_each_of_its_matching_samples(check: Check):
    matching = samples(check, "match")
    assert matching
    for sample in matching:
        assert run([check], sample.inventory), sample.note


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.rule.name)
@pytest.mark.mission("K4.assess", "K5.assess", "P4")
def test_a_rule_finds_nothing_in_each_of_its_missing_samples(check: Check):
    missing = samples(check, "miss")
    assert missing
    for sample in missing:
        assert not run([check], sample.inventory), sample.note
