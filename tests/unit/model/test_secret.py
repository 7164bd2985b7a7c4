"""A secret is a type that cannot print."""

import base64
import copy
import hashlib
import pickle
import traceback

import msgspec
import pytest

from bartizan.model.secret import Secret, fingerprint

VALUE = "hunter2-hunter2"
KEY = Secret("k" * 64)


@pytest.mark.parametrize(
    "show", [str, repr, "{}".format, "{!r:>40}".format, lambda secret: f"{secret}", lambda secret: f"{[secret]}"]
)
@pytest.mark.mission("M13")
def test_no_way_of_showing_a_secret_shows_it(show):  # type: ignore[no-untyped-def]
    assert VALUE not in show(Secret(VALUE))


@pytest.mark.parametrize("encode", [pickle.dumps, msgspec.json.encode, msgspec.msgpack.encode, copy.deepcopy])
def test_a_secret_is_not_serialised(encode):  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError):
        encode({"a": Secret(VALUE)})


def test_a_traceback_with_locals_does_not_hold_it():
    def fail(secret: Secret) -> None:
        raise ValueError(f"{secret} is wrong")

    with pytest.raises(ValueError, match="is wrong") as caught:
        fail(Secret(VALUE))
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert VALUE not in told
    assert "secret" in told


def test_equal_values_are_equal_and_a_secret_is_no_key_of_a_set():
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    with pytest.raises(TypeError):
        hash(Secret(VALUE))


def test_a_github_token_has_the_fingerprint_of_githubs_audit_log():
    token = "ghp_" + "A1b2" * 9
    expected = base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()
    assert fingerprint(Secret(token), KEY) == f"github-sha256:{expected}"


def test_an_aws_key_id_is_its_own_fingerprint():
    assert fingerprint(Secret("AKIA" + "ABCDEFGH" * 2), KEY) == "aws-key-id:AKIA" + "ABCDEFGH" * 2


def test_any_other_value_needs_the_key_to_be_guessed():
    one, other = (fingerprint(Secret(VALUE), Secret(key)) for key in ("a" * 64, "b" * 64))
    assert one.startswith("hmac-sha256:")
    assert one != other
