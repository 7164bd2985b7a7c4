"""Rules: every mistake of every file, with its place."""

import pytest

from bartizan.model.errors import ContentError
from bartizan.rules.load import load
from bartizan.rules.samples import read_samples

GOOD = """
title: A rule
id: 11111111-2222-4333-8444-555555555555
name: a_rule
status: stable
description: What it sees.
author: Bartizan
date: 2026-11-20
tags: [owasp-mcp.mcp01, cwe.798]
level: high
falsepositives: [none known]
check: {judges: server, confidence: high, remedy: Mend it.}
"""


def test_a_rule_keeps_its_header_and_its_date_is_text():
    (rule,) = load({"rule.yml": GOOD})
    assert (rule.name, rule.date, rule.level, rule.check.remedy) == ("a_rule", "2026-11-20", "high", "Mend it.")


def test_a_rule_that_judges_the_whole_inventory_names_no_kind():
    (rule,) = load({"rule.yml": GOOD.replace("judges: server, ", "")})
    assert rule.check.judges is None


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("level: high", "level: dreadful", "dreadful"),
        ("level: high", "level: high\nseverity: high", "unknown field `severity`"),
        ("name: a_rule", "name: A Rule", "lower case"),
        ("id: 11111111", "id: x", "not a UUID"),
        ("cwe.798", "cve.798", "no known family"),
        ("[owasp-mcp.mcp01, cwe.798]", "[]", "no tag"),
        ("[none known]", "[]", "false positives"),
        ("judges: server", "judges: everything", "everything"),
        ("title: A rule", "title: [", "not YAML"),
        ("title: A rule\n", "", "title"),
    ],
)
def test_a_mistake_is_refused_with_its_file(before: str, after: str, told: str):
    with pytest.raises(ContentError) as caught:
        load({"checks/x/rule.yml": GOOD.replace(before, after)})
    assert str(caught.value).startswith("checks/x/rule.yml")
    assert told in str(caught.value)


def test_mistakes_of_all_files_are_told_at_once():
    with pytest.raises(ContentError) as caught:
        load({"a.yml": "x: 1", "b.yml": "- 1", "c.yml": GOOD, "d.yml": GOOD})
    places = {place.path for place, _ in caught.value.mistakes}
    assert places == {"a.yml", "b.yml", "d.yml"}
    assert "already used by c.yml" in str(caught.value)


def test_samples_are_lines_and_every_bad_one_is_told():
    text = '{"note": "x", "inventory": {}}\n{"note": 1, "inventory": {}}\nnonsense\n[]\n'
    with pytest.raises(ContentError) as caught:
        read_samples(text, "match.jsonl")
    assert [place.line for place, _ in caught.value.mistakes] == [2, 3, 4]
