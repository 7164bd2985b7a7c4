"""Secrets by their format, and names that hold credentials. Values are put together here: none stands in a file."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.text import regex
from bartizan.text.patterns import FORMATS, entropy_bits, find_secrets, is_placeholder, names_credential, words_of

A1 = "A1b2C3d4" * 40
SAMPLES = {
    "github-token": "ghp_" + A1[:36],
    "gitlab-token": "glpat-" + A1[:20],
    "aws-access-key-id": "AKIA" + "ABCDEFGH23456723",
    "slack-token": "xoxb-" + "1234567890-" + A1[:24],
    "anthropic-key": "sk-ant-" + A1[:40],
    "openai-key": "sk-proj-" + A1[:40],
    "google-api-key": "AIza" + A1[:35],
    "stripe-key": "sk_live_" + A1[:24],
    "npm-token": "npm_" + A1[:36],
    "jwt": "eyJ" + A1[:20] + ".eyJ" + A1[:30] + "." + A1[:40],
    "private-key": "-----BEGIN " + "RSA PRIVATE KEY-----\n" + A1[:64] + "\n-----END",
    "vault-token": "hvs." + A1[:24],
    "linear-key": "lin_api_" + A1[:40],
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_vendors_format_is_found_with_its_place(kind: str):
    text = f"prefix {SAMPLES[kind]} suffix"
    assert [(one.kind, one.start) for one in find_secrets(text)] == [(kind, 7)]


def test_a_password_in_a_url_is_found_and_nothing_around_it():
    text = "postgresql://app:hunter2x@db/app"
    (one,) = find_secrets(text)
    assert (one.kind, text[one.start : one.end]) == ("url-password", "hunter2x")


@pytest.mark.parametrize(
    "text",
    ["", "nothing here", "sk-", "a commit 3f2a9c1b7d", "AKIA is a prefix", "https://x.example/a:b@c", "eyJ.eyJ."],
)
def test_plain_text_has_none(text: str):
    assert find_secrets(text) == []


@given(st.text(max_size=300))
def test_places_lie_in_the_text_in_order_and_apart(text: str):
    end = 0
    for one in find_secrets(f"{text} {SAMPLES['github-token']} {text}"):
        assert end <= one.start < one.end
        end = one.end


@pytest.mark.parametrize(
    "body", ["A" * 1_000_000, "://a:" * 200_000, "eyJ" * 300_000, ("-----BEGIN " + "PRIVATE KEY-----") * 40_000]
)
def test_no_text_stalls_the_search(body: str):
    begun = time.process_time()
    find_secrets(body)
    assert time.process_time() - begun < 20  # linear: a tenth of this; quadratic: hours


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "apiKey",
        "X-API-Key",
        "Authorization",
        "db.password",
        "clientSecret",
        "AWS_SECRET_ACCESS_KEY",
        "--auth",
    ],
)
def test_these_names_hold_credentials(name: str):
    assert names_credential(name)


@pytest.mark.parametrize(
    "name",
    [
        "MONKEY",
        "AUTHOR",
        "KEYBOARD",
        "PATH",
        "TOKEN_FILE",
        "keyboard_layout",
        "PASSWORD_MIN_LENGTH_MAX",
        "",
        "key",
        "PWD",
    ],
)
def test_these_do_not(name: str):
    assert not names_credential(name)


@pytest.mark.parametrize(
    "value", ["", "${TOKEN}", "$TOKEN", "<your token>", "your-api-key", "changeme", "xxxx", "env:TOKEN", "%TOKEN%"]
)
def test_a_value_that_stands_for_another_is_a_placeholder(value: str):
    assert is_placeholder(value)


def test_a_real_value_is_none():
    assert not is_placeholder("hunter2-hunter2")


def test_words_of_an_identifier():
    assert words_of("GITHUB_apiToken-2") == ["github", "api", "token", "2"]


def test_entropy_of_one_letter_is_nothing_and_of_two_is_a_bit():
    assert entropy_bits("aaaa") == 0
    assert entropy_bits("abab") == 1


def test_every_format_is_an_expression_of_linear_time():
    for expression in FORMATS.values():
        regex.Pattern(expression)
    with pytest.raises(ValueError, match=r"malformed|invalid|missing|bad"):
        regex.Pattern("(")
