"""Versions in the order of their registries."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.content.intel.versions import Range, compare, is_exact

# The example of Semantic Versioning 2.0.0, section 11, with its surroundings.
NPM = (
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2025.7.1",
)
# The order that PEP 440 gives in its summary of permitted suffixes, with an epoch at the end.
PYPI = (
    "1.0.dev456",
    "1.0a1",
    "1.0a2.dev456",
    "1.0a12.dev456",
    "1.0a12",
    "1.0b1.dev456",
    "1.0b2",
    "1.0b2.post345.dev456",
    "1.0b2.post345",
    "1.0rc1.dev456",
    "1.0rc1",
    "1.0",
    "1.0.post456.dev34",
    "1.0.post456",
    "1.1.dev1",
    "2025.12.18",
    "1!0.1",
)


@pytest.mark.parametrize(("ecosystem", "versions"), [("npm", NPM), ("pypi", PYPI)])
def test_versions_come_in_the_order_of_their_specification(ecosystem, versions):
    for one, other in pairwise(versions):
        assert compare(one, other, ecosystem) == -1, (one, other)
        assert compare(other, one, ecosystem) == 1, (one, other)


@pytest.mark.parametrize(
    ("one", "other", "ecosystem"),
    [
        ("v1.2.3", "1.2.3", "npm"),
        ("1.2.3+build.5", "1.2.3", "npm"),
        ("1.0", "1.0.0", "pypi"),
        ("1.0-1", "1.0.post1", "pypi"),
        ("1.0.ALPHA_1", "1.0a1", "pypi"),
        ("1.0c1", "1.0rc1", "pypi"),
    ],
)
def test_spellings_of_one_version_are_equal(one, other, ecosystem):
    assert compare(one, other, ecosystem) == 0


@pytest.mark.parametrize("text", ["", "latest", "^1.0.0", "~1.2", "1.x", ">=1.0", "1.0.0 || 2.0.0", "1.2", "9" * 200])
def test_ranges_and_tags_are_no_version_of_npm(text):
    assert not is_exact(text, "npm")
    assert not Range().holds(text, "npm")


@pytest.mark.parametrize("text", ["", "latest", ">=1.0", "==1.0", "1.*", "1.0,<2", "one"])
def test_requirements_are_no_version_of_pypi(text):
    assert not is_exact(text, "pypi")


def test_a_range_ends_before_its_mended_version():
    found = Range(introduced="0.0.5", fixed="0.1.16")
    versions = ("0.0.4", "0.0.5", "0.1.15", "0.1.16-rc.1", "0.1.16", "1.0.0")
    assert [found.holds(version, "npm") for version in versions] == [False, True, True, True, False, False]


def test_a_range_without_an_end_holds_every_later_version():
    found = Range(introduced="1.0.16")
    assert [found.holds(version, "npm") for version in ("1.0.15", "1.0.16", "9.0.0")] == [False, True, True]


@given(one=st.text(max_size=200), other=st.text(max_size=200))
def test_any_two_texts_compare_alike_both_ways_or_not_at_all(one, other):
    for ecosystem in ("npm", "pypi"):
        found, back = compare(one, other, ecosystem), compare(other, one, ecosystem)
        assert (found is None) == (back is None)
        assert (found or 0) == -(back or 0)
