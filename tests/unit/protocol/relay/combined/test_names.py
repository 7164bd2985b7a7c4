"""Names at the combined endpoint: each leads back to its server alone, whatever a server calls its things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.protocol.relay.combined.names import (
    fits,
    joined,
    joined_id,
    joined_uri,
    parted,
    parted_id,
    parted_uri,
)

IDS = st.text("ab_-.9", min_size=1, max_size=8).filter(fits)
WRITTEN = st.text(max_size=40)


@given(st.sets(IDS, min_size=1), WRITTEN, st.data())
def test_what_a_server_named_leads_back_to_that_server_and_its_own_name(servers, name, data):
    server = data.draw(st.sampled_from(sorted(servers)))
    assert parted(joined(server, name), servers) == (server, name)
    assert parted_uri(joined_uri(server, name), servers) == (server, name)


@given(st.sampled_from(["a", "b.c"]), st.one_of(st.integers(), WRITTEN))
def test_the_id_of_a_servers_request_comes_back_with_its_type(server, identity):
    assert parted_id(joined_id(server, identity), {"a", "b.c"}) == (server, identity)


@given(IDS, IDS, WRITTEN, WRITTEN)
def test_no_two_servers_can_have_one_name(one, other, name, others):
    if (one, name) != (other, others):
        assert joined(one, name) != joined(other, others)
        assert joined_uri(one, name) != joined_uri(other, others)


@pytest.mark.parametrize("server", ["a__b", "a_", "__", "_"])
def test_an_id_that_would_be_taken_apart_in_two_ways_does_not_fit(server):
    assert not fits(server)


@pytest.mark.parametrize("name", ["", "a", "a_x", "c__x", "__x", "A__x"])
def test_what_names_no_server_of_these_leads_nowhere(name):
    assert parted(name, {"a", "b"}) is None
    assert parted_id(name, {"a", "b"}) is None


@pytest.mark.parametrize("uri", ["a/x", "bartizan:c/x", "bartizan:a", "bartizan://a/x", "BARTIZAN:a/x"])
def test_a_uri_of_no_server_of_these_leads_nowhere(uri):
    assert parted_uri(uri, {"a", "b"}) is None


@pytest.mark.parametrize("identity", ["a__x1", "a__i1.5", "a__i", "a__i1x", 7, None, True])
def test_an_id_that_was_never_given_leads_nowhere(identity):
    assert parted_id(identity, {"a"}) is None
