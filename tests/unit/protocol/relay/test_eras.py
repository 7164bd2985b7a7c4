"""Every cell of the table of eras."""

import itertools

from bartizan.model.snapshot import Era
from bartizan.protocol.relay.eras import BRIDGES, LEGACY_VERSIONS, MODERN_VERSIONS, Crossing, era_of_request
from bartizan.protocol.relay.methods import METHODS, method_of


def test_the_table_has_a_cell_for_each_pair_of_eras_and_for_a_server_that_has_not_shown_its_own():
    assert set(BRIDGES) == set(itertools.product(Era, (*Era, None)))


def test_one_era_on_both_legs_is_relayed_and_an_unknown_one_finds_out():
    for era in Era:
        assert BRIDGES[era, era].crossing is Crossing.RELAYED
        assert BRIDGES[era, None].crossing is Crossing.RELAYED


def test_A7_different_eras_are_a_clear_error_that_says_what_would_be_served():
    cells = {pair: BRIDGES[pair] for pair in ((Era.MODERN, Era.LEGACY), (Era.LEGACY, Era.MODERN))}
    for bridge in cells.values():
        assert bridge.crossing is Crossing.REFUSED
        assert "this server speaks" in bridge.told
    assert cells[Era.MODERN, Era.LEGACY].supported == LEGACY_VERSIONS
    assert cells[Era.LEGACY, Era.MODERN].supported == MODERN_VERSIONS


def test_the_era_is_chosen_by_how_the_client_opens():
    version = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    assert era_of_request("2026-07-28", version) is Era.MODERN
    assert era_of_request("", version) is Era.MODERN
    assert era_of_request("2026-07-28", {}) is Era.MODERN
    assert era_of_request("2025-11-25", {}) is Era.LEGACY
    assert era_of_request("", {"progressToken": 1}) is Era.LEGACY


def test_methods_that_an_era_has_not_are_none_of_it():
    for name, method in METHODS.items():
        for era in Era:
            assert (method_of(era, name) is not None) == (era in method.eras)
    assert method_of(Era.MODERN, "elicitation/create") is None
