"""Names that imitate, and names that only resemble."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.content.intel.known_servers import KNOWN
from bartizan.content.intel.lookalike import distance, likeness
from bartizan.model.asset import Confidence


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: f"{known.ecosystem}:{known.name}")
def test_a_well_known_name_is_taken_for_no_other(known):
    assert likeness(known.ecosystem, known.name) is None


def test_no_well_known_name_stands_there_twice():
    names = [(known.ecosystem, known.name) for known in KNOWN]
    assert len(names) == len(set(names)) > 120


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("@modelcontextprotoco1/server-filesystem", "@modelcontextprotocol/server-filesystem"),
        ("@modelcontextprotocl/server-memory", "@modelcontextprotocol/server-memory"),
        ("@model-context-protocol/server-memory", "@modelcontextprotocol/server-memory"),
        ("@modelcontextprotocol-official/server-memory", "@modelcontextprotocol/server-memory"),
        ("@notionhg/notion-mcp-server", "@notionhq/notion-mcp-server"),
        ("modelcontextprotocol-server-github", "@modelcontextprotocol/server-github"),
        ("mpc-remote", "mcp-remote"),
        ("mcp-rernote", "mcp-remote"),
        ("mcpremote", "mcp-remote"),
        ("firecrawl-mccp", "firecrawl-mcp"),
        ("chrome-devtolos-mcp", "chrome-devtools-mcp"),
    ],
)
def test_an_imitation_is_surely_taken_for_the_one_it_imitates(name, known):
    found = likeness("npm", name)
    assert found is not None
    assert (found.known.name, found.confidence) == (known, Confidence.HIGH)


@pytest.mark.parametrize(
    ("ecosystem", "name"),
    [
        ("npm", "@ada/server-filesystem"),
        ("npm", "@modelcontextprotocol/server-new"),
        ("npm", "github-mcp-server"),
        ("npm", "mcp-servers"),
        ("npm", "map-remote"),
        ("pypi", "mcp-server-gis"),
        ("pypi", "mcp-server-tide"),
        ("pypi", "mcp-server-fetcher"),
        ("oci", "mcp-server-gitt"),
        ("local", "mcp-sever-git"),
    ],
)
def test_a_name_of_its_own_is_taken_for_no_other(ecosystem, name):
    assert likeness(ecosystem, name) is None


def test_a_name_of_the_other_registry_is_only_worth_a_question():
    found = likeness("npm", "mcp-server-fetch")
    assert found is not None
    assert found.confidence is Confidence.LOW


@pytest.mark.parametrize(
    ("one", "other", "most", "expected"),
    [
        ("mcp", "mpc", 1, 1),
        ("remote", "rmeote", 2, 1),
        ("memory", "mmry", 2, 2),
        ("git", "gitlab", 2, 3),
        ("a", "a", 1, 0),
    ],
)
def test_distance_counts_swaps_of_neighbours_as_one(one, other, most, expected):
    assert distance(one, other, most) == expected


@given(one=st.text("abc", max_size=12), other=st.text("abc", max_size=12))
def test_distance_is_the_same_both_ways_and_zero_for_equal_words_only(one, other):
    found = distance(one, other, 2)
    assert found == distance(other, one, 2)
    assert (found == 0) == (one == other)


@given(name=st.text(max_size=300))
def test_any_text_is_a_name_that_can_be_judged(name):
    likeness("npm", name)
    likeness("pypi", name)


def slips(name: str) -> list[str]:
    """Each neighbour swapped, each letter left out, each letter doubled, in the last word."""
    head, mark, word = name.rpartition("/")
    made: list[str] = []
    for at in range(len(word) - 1):
        made += [word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + word[at + 1 :]]
        made.append(word[: at + 1] + word[at:])
    return [head + mark + one for one in made if one != word]


def test_most_slips_in_long_names_without_a_scope_are_seen():
    names = [known for known in KNOWN if not known.publisher and len(known.name) >= 10]
    tries = [(known, slip) for known in names for slip in slips(known.name)]
    seen = sum(likeness(known.ecosystem, slip) is not None for known, slip in tries)
    assert seen / len(tries) > 0.6, f"{seen} of {len(tries)}"
