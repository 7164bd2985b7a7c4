"""The page on suppressions lists the keys that there are, and its example is accepted."""

import re
from datetime import date

from bartizan.app.suppressions import parse_suppressions
from bartizan.model.limits import DEFAULT
from bartizan.model.suppression import REQUIRED, Suppression
from fixtures.examples import ROOT

PAGE = (ROOT / "docs" / "reference" / "suppressions.md").read_text(encoding="utf-8")


def test_every_key_is_on_the_page_and_no_other():
    table = PAGE.partition("| key | is |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| (.*) \|$", table, re.MULTILINE))
    keys = {key for cell in rows for key in re.findall(r"`(\w+)`", cell)}
    assert keys == set(Suppression.__struct_fields__)
    required = {key.strip("`") for key, words in rows.items() if words.startswith("required")}
    assert required == set(REQUIRED)
    assert f"{DEFAULT.suppression_days_max} days" in PAGE


def test_the_example_of_the_page_is_accepted_and_uses_every_scope():
    entries = parse_suppressions(PAGE.partition("```yaml\n")[2].partition("```")[0], "", date(2026, 11, 20))
    assert [(bool(one.finding), bool(one.server), one.everywhere) for one in entries] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
