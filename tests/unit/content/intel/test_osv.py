"""Advisories in the form of OSV."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.content.intel.osv import read_advisories


def advisory(*events: dict[str, str], ecosystem: str = "npm", versions: tuple[str, ...] = (), **more: Any):
    affected = {
        "package": {"ecosystem": ecosystem, "name": "Weather"},
        "ranges": [{"type": "SEMVER", "events": list(events)}],
        "versions": list(versions),
    }
    (found,) = read_advisories([{"id": "GHSA-x", "aliases": ["CVE-1"], "affected": [affected], **more}])
    return found


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}, {"fixed": "1.2.0"}], ["0.0.1", "1.1.9"], ["1.2.0", "2.0.0"]),
        ([{"introduced": "1.0.0"}, {"last_affected": "1.2.0"}], ["1.0.0", "1.2.0"], ["0.9.0", "1.2.1"]),
        ([{"introduced": "0"}], ["0.1.0", "99.0.0"], ["latest", "^1.0.0"]),
        (
            [{"introduced": "1.0.0"}, {"fixed": "1.1.0"}, {"introduced": "2.0.0"}, {"fixed": "2.1.0"}],
            ["1.0.5", "2.0.5"],
            ["1.5.0", "2.1.0"],
        ),
    ],
)
def test_events_are_read_as_osv_defines_them(events, inside, outside):
    found = advisory(*events)
    assert all(found.holds(version) for version in inside)
    assert not any(found.holds(version) for version in outside)


def test_versions_that_are_named_one_by_one_count():
    found = advisory(versions=("1.0.16",))
    assert (found.holds("1.0.16"), found.holds("1.0.17"), found.name) == (True, False, "weather")


def test_an_advisory_on_malice_is_told_by_its_id_or_an_alias():
    assert not advisory().malicious
    assert advisory(id="MAL-2026-1").malicious
    assert advisory(aliases=["MAL-2026-1"]).malicious


def test_withdrawn_ones_other_ecosystems_and_commits_are_left_out():
    entry = {"package": {"ecosystem": "Go", "name": "x"}, "versions": ["1"]}
    assert read_advisories([{"id": "x", "affected": [entry]}]) == []
    gone = {"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1"]}
    assert read_advisories([{"id": "x", "withdrawn": "2026-01-01T00:00:00Z", "affected": [gone]}]) == []
    commits = {
        "package": {"ecosystem": "PyPI", "name": "x"},
        "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}],
    }
    assert read_advisories([{"id": "x", "affected": [commits]}])[0].spans == ()


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3))
KEYS = st.sampled_from(["id", "aliases", "affected", "package", "ecosystem", "name", "ranges", "events", "versions"])


@given(st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON)))
def test_documents_of_any_shape_end_nothing(document: dict[str, Any]):
    for one in read_advisories([document]):
        one.holds("1.0.0")
