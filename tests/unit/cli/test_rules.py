"""`bartizan rules`: every mistake with its place, samples tried, rules listed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bartizan.cli.main import app
from bartizan.model.errors import ContentError, UsageError

RULE = """\
title: Test account
logsource: {product: shop, service: orders}
detection: {a: {buyer|startswith: test_}, condition: a}
level: low
"""
SAMPLE = {"note": "n", "kind": "json", "log_source": "shop//orders", "raw": {"buyer": "TEST_1"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "by_test" / "samples").mkdir(parents=True)
    (tmp_path / "by_test" / "rule.yml").write_text(RULE)
    return tmp_path


def sample(folder: Path, side: str, **changed: object) -> None:
    (folder / "by_test" / "samples" / f"{side}.jsonl").write_text(json.dumps(SAMPLE | changed) + "\n")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["rules", *map(str, arguments)])


def test_mistakes_are_told_with_file_and_line_and_exit_code_2(folder: Path):
    (folder / "bad.yml").write_text(RULE.replace("startswith", "nope").replace("low", "odd"))
    found = run("lint", folder)
    assert found.exit_code == 2
    assert f"{folder}/bad.yml:4: error: Invalid enum value 'odd'" in found.stdout
    assert "by_test: waits for a source of kind json" in found.stdout


def test_mistakes_come_as_json_too(folder: Path):
    found = run("lint", folder, "--format", "json")
    assert found.exit_code == 0
    assert [(one["kind"], one["line"]) for one in json.loads(found.stdout)] == [("warning", 1)]


def test_a_map_beside_the_rules_makes_a_log_source_known(folder: Path):
    (folder / "logsources.yml").write_text("- {product: shop, service: orders, kinds: [json]}\n")
    assert run("lint", folder).stdout == ""


def test_rules_are_tried_on_their_samples(folder: Path):
    sample(folder, "match")
    sample(folder, "miss", raw={"buyer": "ann"})
    found = run("test", folder)
    assert (found.exit_code, found.stdout.count("ok  ")) == (0, 2)


def test_a_sample_that_is_judged_otherwise_fails(folder: Path):
    sample(folder, "match", raw={"buyer": "ann"})
    sample(folder, "miss", raw={"buyer": "test_2"})
    found = run("test", folder)
    assert (found.exit_code, found.stdout.count("FAIL")) == (1, 2)
    assert "does not match, though it should match: n" in found.stdout


def test_a_rule_without_samples_was_not_tried(folder: Path):
    sample(folder, "match")
    found = run("test", folder)
    assert (found.exit_code, "none by_test" in found.stdout) == (3, True)


def test_a_sample_may_be_an_event_in_ocsf(folder: Path):
    record = {"metadata": {"log_name": "json", "log_source": "shop//orders"}, "unmapped": {"buyer": "test_9"}}
    (folder / "by_test" / "samples" / "match.jsonl").write_text(json.dumps({"note": "n", "event": record}) + "\n")
    assert "ok  " in run("test", folder).stdout


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        '{"note": "n"}',
        '{"note": "n", "kind": "nobody", "raw": {}}',
        '{"note": "n", "kind": "json", "raw": "["}',
    ],
)
def test_a_broken_sample_is_a_mistake_with_its_line(folder: Path, line: str):
    (folder / "by_test" / "samples" / "match.jsonl").write_text(line + "\n")
    found = run("test", folder)
    assert isinstance(found.exception, ContentError)
    assert found.exception.mistakes[0][0].line == 1


def test_rules_are_listed_with_what_they_are_asked_about(folder: Path):
    assert "low           alert    detection on shop//orders: Test account" in run("list", folder).stdout
    (row,) = json.loads(run("list", folder, "--format", "json").stdout)
    assert (row["name"], row["source"], row["level"]) == ("by_test", "shop//orders", "low")


def test_placeholders_are_given_in_a_file(folder: Path, tmp_path: Path):
    (folder / "by_test" / "rule.yml").write_text(RULE.replace("startswith: test_", "expand: '%who%'"))
    assert run("lint", folder).exit_code == 2
    given = tmp_path / "given.txt"
    given.write_text("who: [ann, 'b*']\n")
    assert run("lint", folder, "--placeholders", given).exit_code == 0


def test_a_path_that_is_not_there_is_told(tmp_path: Path):
    assert isinstance(run("lint", tmp_path / "absent").exception, UsageError)


def test_the_rules_that_ship_are_without_mistakes():
    assert run("lint").exit_code == 0


CORRELATION = (
    RULE.replace("title:", "name: trial\ntitle:")
    + """\
---
title: Many
name: many
correlation: {type: event_count, rules: trial, group-by: buyer, timespan: 10m, condition: {gte: 3}}
"""
)


def test_samples_of_a_correlation_are_judged_in_the_time_of_their_events(folder: Path):
    (folder / "by_test" / "rule.yml").write_text(CORRELATION)
    for side, step in (("match", 100), ("miss", 400)):
        events = [
            {"kind": "json", "log_source": "shop//orders", "raw": {"buyer": "test_1", "time": 1_767_261_600 + n * step}}
            for n in range(3)
        ]
        line = json.dumps({"note": "n", "events": events})
        (folder / "by_test" / "samples" / f"{side}.jsonl").write_text(line + "\n")
    found = run("test", folder)
    assert (found.exit_code, found.stdout.count(": many: ")) == (0, 2)
