"""The samples of attacks by style are what the bench takes them for."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from bench.accuracy.samples import STYLES, Row, halves, worst

NAMED = re.findall(r"^\| `([^`]+)` \| (?!the )", (STYLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
NAMED_STYLES = [name for name in NAMED if not name.endswith(".jsonl")]


@pytest.mark.parametrize("half", halves())
def test_a_half_has_five_samples_of_every_style_that_the_page_names(half: str) -> None:
    counts = Counter(style for style, _ in {(row.group, row.sample) for row in halves()[half]})
    assert set(counts) == set(NAMED_STYLES)
    assert min(counts.values()) >= 5


@pytest.mark.parametrize("half", halves())
def test_samples_are_written_so_that_invisible_characters_show(half: str) -> None:
    text = (STYLES / f"{half}.jsonl").read_text(encoding="utf-8")
    assert text.isascii()
    assert "\x1b" not in text


@pytest.mark.parametrize("half", halves())
def test_each_copy_stands_beside_one_original_on_another_server(half: str) -> None:
    rows = halves()[half]
    for original in (row for row in rows if not row.counts):
        copies = [row for row in rows if row.sample == original.sample and row.counts]
        assert [row.server == original.server for row in copies] == [False]
        assert {row.client for row in copies} == {original.client}


def test_a_sample_is_told_when_one_of_its_tools_is_and_originals_do_not_count() -> None:
    def row(sample: str, *, counts: bool = True) -> Row:
        return Row(definition={"name": "a"}, client=sample, group="style", sample=sample, counts=counts)

    rows = [row("one"), row("one"), row("two"), row("two", counts=False)]
    assert worst(rows, [0, 2, 0, 3]) == {("style", "one"): 2, ("style", "two"): 0}


def test_a_peer_that_crashes_is_told_and_the_jobs_after_it_run(tmp_path: Path) -> None:
    jobs, results, bad, good = (tmp_path / name for name in ("jobs", "results", "bad", "good"))
    bad.write_text("1 +", encoding="utf-8")
    good.write_text("1", encoding="utf-8")
    jobs.write_text(json.dumps([[str(bad)], [str(good)]]), encoding="utf-8")
    drive = STYLES.parent / "drive.py"
    subprocess.run([sys.executable, drive, "ast:main", jobs, results], check=True)
    crashed, done = json.loads(results.read_text(encoding="utf-8"))
    assert crashed["error"].startswith("SyntaxError")
    assert done["out"].startswith("Module(")
    assert not done["error"]
