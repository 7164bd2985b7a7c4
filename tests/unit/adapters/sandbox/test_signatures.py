"""Signatures of npm registries, with keys made for each test."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from bartizan.adapters.sandbox.signatures import MISMATCH, PRESENT, VERIFIED, Signature, read_keys, verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRIVATE = ec.generate_private_key(ec.SECP256R1())
INTEGRITY = "sha512-" + base64.b64encode(b"7" * 64).decode()


def spki(private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


KEYS = {"SHA256:a": spki(PRIVATE)}


def signed(message: str, key: str = "SHA256:a") -> Signature:
    return Signature(key, base64.b64encode(PRIVATE.sign(message.encode(), ec.ECDSA(SHA256()))).decode())


GOOD = signed(f"@a/x@1.0.0:{INTEGRITY}")


@pytest.mark.mission("M1")
def test_a_package_is_what_its_registry_signed_by_name_version_and_bytes():
    assert verdict("@a/x@1.0.0", INTEGRITY, [GOOD], KEYS) == VERIFIED
    assert verdict("@a/y@1.0.0", INTEGRITY, [GOOD], KEYS) == MISMATCH
    assert verdict("@a/x@1.0.1", INTEGRITY, [GOOD], KEYS) == MISMATCH
    assert verdict("@a/x@1.0.0", INTEGRITY.replace("N", "M"), [GOOD], KEYS) == MISMATCH


def test_one_right_signature_does_not_hide_a_wrong_one():
    assert verdict("@a/x@1.0.0", INTEGRITY, [GOOD, Signature("SHA256:a", "AAAA")], KEYS) == MISMATCH


def test_without_a_key_or_the_integrity_nothing_is_verified_and_nothing_wrong():
    assert verdict("@a/x@1.0.0", INTEGRITY, [GOOD], {}) == PRESENT
    assert verdict("@a/x@1.0.0", INTEGRITY, [Signature("SHA256:b", GOOD.value)], KEYS) == PRESENT
    assert verdict("@a/x@1.0.0", "", [GOOD], KEYS) == PRESENT


@pytest.mark.parametrize(
    "key", ["", "!", "AAAA", pytest.param(spki(ed25519.Ed25519PrivateKey.generate()), id="ed25519")]
)
def test_a_key_of_another_kind_verifies_nothing(key: str):
    assert verdict("@a/x@1.0.0", INTEGRITY, [GOOD], {"SHA256:a": key}) == MISMATCH


@given(st.text(max_size=200))
def test_no_text_passes_for_a_signature(value: str):
    assert verdict("@a/x@1.0.0", INTEGRITY, [Signature("SHA256:a", value)], KEYS) == MISMATCH


def test_keys_are_read_as_the_registry_publishes_them_and_expired_ones_are_left_out():
    kind = {"keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "key": "K"}
    listed = [
        {**kind, "keyid": "SHA256:now", "expires": None},
        {**kind, "keyid": "SHA256:later", "expires": "2027-01-29T00:00:00.000Z"},
        {**kind, "keyid": "SHA256:past", "expires": "2025-01-29T00:00:00.000Z"},
        {**kind, "keyid": "SHA256:odd", "expires": "soon"},
        {**kind, "keyid": "SHA256:zoneless", "expires": "2027-01-29T00:00:00"},
        {**kind, "keyid": "SHA256:rsa", "keytype": "rsa", "expires": None},
        7,
    ]
    assert set(read_keys(json.dumps({"keys": listed}).encode(), NOON)) == {"SHA256:now", "SHA256:later"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"keys": 5}', b"<html>", b"[" * 100_000])
def test_an_answer_of_another_shape_holds_no_keys(body: bytes):
    assert read_keys(body, NOON) == {}
