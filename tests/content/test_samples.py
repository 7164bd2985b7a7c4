"""Every rule proves itself: on samples that it matches, and on samples that it does not."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from bartizan.app.content import load_checks, load_content
from bartizan.assess.copies import copies, entry
from bartizan.assess.judge import Judge, Judgement
from bartizan.rules.check import Check, run
from bartizan.rules.samples import read_samples

CHECKS = load_checks()


def samples(check: Check, kind: str):
    package, _, _ = check.function.__module__.rpartition(".")
    path = files(package).joinpath("samples").joinpath(f"{kind}.jsonl")
    return read_samples(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.rule.name)
@pytest.mark.mission("K3.assess", "K4.assess", "K5.assess", "P4")
def test_a_rule_finds_something_in_each_of_its_matching_samples(check: Check):
    matching = samples(check, "match")
    assert matching
    for sample in matching:
        assert run([check], sample.inventory), sample.note


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.rule.name)
@pytest.mark.mission("K3.assess", "K4.assess", "K5.assess", "P4")
def test_a_rule_finds_nothing_in_each_of_its_missing_samples(check: Check):
    missing = samples(check, "miss")
    assert missing
    for sample in missing:
        assert not run([check], sample.inventory), sample.note


RULES = load_content()[1]
LEXICON = [rule for rule in RULES if not rule.check.copies]
JUDGE = Judge(RULES)


def judgements(name: str, kind: str) -> Iterator[tuple[str, Judgement]]:
    """Samples are texts, or what a parameter of a tool that needs nothing of the kind asks for."""
    (folder,) = Path(str(files("bartizan.content").joinpath("checks"))).glob(f"*/{name}")
    for line in (folder / "samples" / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines():
        sample = json.loads(line)
        if "parameter" in sample:
            schema = {"type": "object", "properties": {"extra": {"description": sample["parameter"]}}}
            yield line, JUDGE.definition({"name": "roll", "description": "Rolls dice.", "inputSchema": schema})
        else:
            yield line, JUDGE.text(sample["text"])


@pytest.mark.parametrize("name", [rule.name for rule in LEXICON])
def test_a_rule_of_the_lexicon_finds_a_sign_in_each_of_its_matching_texts(name: str):
    for line, judgement in judgements(name, "match"):
        assert name in {sign.rule.name for sign in judgement.signs}, line


@pytest.mark.parametrize("name", [rule.name for rule in LEXICON])
def test_a_rule_of_the_lexicon_finds_none_in_each_of_its_missing_texts(name: str):
    for line, judgement in judgements(name, "miss"):
        assert name not in {sign.rule.name for sign in judgement.signs}, line


@pytest.mark.parametrize("kind", ["match", "miss"])
def test_a_copy_is_told_by_its_name_with_what_it_took_and_a_common_name_is_none(kind: str):
    path = files("bartizan.content").joinpath("checks/tool_poisoning/cloned_tool/samples", f"{kind}.jsonl")
    for line in path.read_text(encoding="utf-8").splitlines():
        tools = json.loads(line)["tools"]
        found = copies(entry(number, "one client", tool["server"], tool) for number, tool in enumerate(tools))
        assert bool(found) is (kind == "match"), line
        apart = copies(entry(number, tool["server"], tool["server"], tool) for number, tool in enumerate(tools))
        assert apart == [], line
