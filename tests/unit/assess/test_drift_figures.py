"""The figures of drift over the samples of the lexicon are those of the docs."""

import json
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from bartizan.app.content import load_content
from bartizan.assess.judge import Judge
from bartizan.assess.meaning import changes
from bartizan.model.pin import PinKind

JUDGE = Judge(load_content()[1])
APPROVED = "Gives the weather of a city for the next five days."


def severities(kind: str) -> Counter[str]:
    found: Counter[str] = Counter()
    root = Path(str(files("bartizan.content").joinpath("checks/tool_poisoning")))
    for path in sorted(root.glob(f"*/samples/{kind}.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if text := json.loads(line).get("text"):
                new = {"description": f"{APPROVED} {text}"}
                found[changes({"description": APPROVED}, new, PinKind.TOOL, JUDGE)[0].severity.value] += 1
    return found


def test_what_poisons_an_approved_text_is_high_or_at_least_for_a_person_to_read():
    found = severities("match")
    assert found["high"] >= 0.9 * found.total()
    assert found["high"] + found["medium"] == found.total()


@pytest.mark.parametrize("kind", ["miss"])
def test_what_is_no_attack_is_hardly_ever_high(kind: str):
    found = severities(kind)
    assert found["high"] <= 0.05 * found.total()
