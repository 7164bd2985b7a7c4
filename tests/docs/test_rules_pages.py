"""The pages on rules: their examples run, and say what the program says."""

import json
import re
import textwrap
from pathlib import Path

import pytest
import yaml
from tools.sigma_page import PAGE, render
from typer.testing import CliRunner

from bartizan.cli.main import app
from bartizan.rules.fields import load_log_sources
from bartizan.rules.sigma.keys import OwnKeys
from fixtures.corpora import corpus
from fixtures.examples import ROOT

HOW_TO = (ROOT / "docs" / "how-to" / "bring-your-sigma-rules.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
NAME = "order_by_test_account"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", HOW_TO, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, text in found]


def told(command: str, answer: str) -> None:
    done = CliRunner().invoke(app, command.split()[2:])
    assert done.stdout.splitlines() == answer.splitlines()


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "rules" / NAME
    (folder / "samples").mkdir(parents=True)
    (folder / "rule.yml").write_text(blocks("yaml")[0])
    return folder


def test_the_page_on_bringing_rules_says_what_the_program_says(at_home: Path):
    rule, fields, own = blocks("yaml")
    lint, test = (block.split("\n", 1) for block in blocks("console"))
    told(*lint)
    (at_home.parent / "logsources.yml").write_text(fields)
    assert CliRunner().invoke(app, ["rules", "lint", "rules"]).stdout == ""
    (match,) = blocks("json")
    miss = json.loads(match) | {"note": "from our own network"}
    miss["raw"]["address"] = "10.1.2.3"
    (at_home / "samples" / "match.jsonl").write_text(match)
    (at_home / "samples" / "miss.jsonl").write_text(json.dumps(miss))
    told(*test)
    (at_home / "rule.yml").write_text(rule + own)
    assert CliRunner().invoke(app, ["rules", "test", "rules"]).exit_code == 0


def test_the_reference_names_every_key_of_our_own():
    table = REFERENCE.split("## Below `bartizan`")[1]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(OwnKeys.__struct_fields__)
    for written in re.findall(r"`(\{[^`]*\})`", table):
        assert yaml.safe_load(written)


def test_the_map_of_the_reference_is_one():
    found = re.search(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    assert found
    assert load_log_sources({"logsources.yml": found[1]}).all()


def test_the_page_on_published_rules_is_what_the_corpora_give():
    assert PAGE.read_text(encoding="utf-8") == render(corpus("sigma", "rules"))
