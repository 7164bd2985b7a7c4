from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.secret import Secret
from bartizan.protocol.relay.sessions import named, seal, unseal

KEY = Secret("k" * 32)


def test_a_session_opens_for_the_principal_and_the_server_that_it_was_given_to():
    sealed = seal(KEY, "files", "issuer|alice", "s-1")
    assert unseal(KEY, "files", "issuer|alice", sealed) == "s-1"
    assert all("!" <= one <= "~" for one in sealed)


def test_C2_a_session_of_another_principal_or_server_or_deployment_is_none():
    sealed = seal(KEY, "files", "issuer|alice", "s-1")
    assert unseal(KEY, "files", "issuer|mallory", sealed) is None
    assert unseal(KEY, "mail", "issuer|alice", sealed) is None
    assert unseal(Secret("other"), "files", "issuer|alice", sealed) is None
    assert unseal(KEY, "files", "issuer|alice", "s-1") is None


def test_parts_cannot_be_shifted_between_server_and_principal():
    assert unseal(KEY, "ab", "c", seal(KEY, "a", "bc", "s")) is None


def test_an_event_names_a_session_by_what_cannot_be_used():
    sealed = seal(KEY, "files", "alice", "s-1")
    assert named(sealed) not in sealed
    assert unseal(KEY, "files", "alice", named(sealed)) is None
    assert named("") == ""


@given(st.text(max_size=60))
def test_any_other_text_opens_as_none(text):
    assert unseal(KEY, "files", "alice", text) is None
