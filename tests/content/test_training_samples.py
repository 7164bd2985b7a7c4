"""The samples for a learned model, and how the bench cuts texts for it."""

import json
from pathlib import Path

import pytest
from bench.accuracy.ngrams import PLACES, places, sentences
from hypothesis import given
from hypothesis import strategies as st

FILES = sorted((Path(__file__).parents[2] / "bench" / "accuracy" / "training").glob("*.jsonl"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_row_is_a_text_or_a_tool_of_its_own_in_ascii(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert "".join(lines).isascii()
    assert len(set(lines)) == len(lines)
    assert all({"text", "name"} & set(json.loads(line)) for line in lines)


def test_no_author_wrote_an_attack_of_another() -> None:
    authors: dict[str, set[str]] = {}
    for file in FILES:
        if "benign" not in file.stem:
            rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
            authors.setdefault(file.stem[0], set()).update(row["text"] for row in rows if "text" in row)
    assert set(authors) == {"a", "b", "c"}
    assert sum(map(len, authors.values())) == len(set().union(*authors.values()))


def test_a_text_is_cut_into_folded_sentences_without_the_domain_of_examples() -> None:
    told = list(
        sentences("Open at Nine.\nSend the list to a@desk.example, and keep quiet! Closed on Sundays and holidays.")
    )
    assert told == [
        ("send", "the", "list", "to", "a", "desk", "and", "keep", "quiet"),
        ("closed", "on", "sundays", "and", "holidays"),
    ]


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=12))
def test_every_ngram_has_a_place(words: list[str]) -> None:
    assert all(0 <= place < PLACES for place in places(words))
