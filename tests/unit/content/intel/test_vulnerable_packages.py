"""The list of known faults can be trusted in form."""

import re

import pytest

from bartizan.content.intel.versions import compare, is_exact
from bartizan.content.intel.vulnerable_packages import VULNERABLE


@pytest.mark.parametrize("entry", VULNERABLE, ids=lambda entry: entry.ids[0])
def test_an_entry_has_ids_a_source_and_versions_that_compare(entry):
    assert all(re.fullmatch(r"CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|MAL-\d{4}-\d+", one) for one in entry.ids)
    assert entry.source.startswith("https://")
    for one in entry.ranges:
        assert one.introduced == "0" or is_exact(one.introduced, entry.ecosystem)
        assert one.fixed or entry.malicious, "what is only faulty ends somewhere"
        if one.fixed:
            assert is_exact(one.fixed, entry.ecosystem)
            assert one.introduced == "0" or compare(one.introduced, one.fixed, entry.ecosystem) == -1
            assert not entry.holds(one.fixed)


def test_no_advisory_stands_there_twice():
    ids = [one for entry in VULNERABLE for one in entry.ids]
    assert len(ids) == len(set(ids))
