"""Secrets by their format, and names that hold credentials. Values are put together here: none stands in a file."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.text import regex
from bartizan.text.patterns import (
    checksum,
    entropy_bits,
    find_all_secrets,
    find_secrets,
    is_placeholder,
    names_credential,
    without_all_secrets,
    without_secrets,
    words_of,
)
from bartizan.text.secret_formats import FORMATS

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

SAMPLES |= {
    "azure-client-secret": "aB3" + "8Q~" + A1[:34],
    "azure-key": A1[:52] + "JQQJ99" + A1[:26],
    "aws-bedrock-key": "ABSK" + A1[:120],
    "huggingface-token": "hf_" + "abCDefGHijKLmnOPqrSTuvWXyzABcdEFgh",
    "groq-key": "gsk_" + A1[:52],
    "databricks-token": "dapi" + "a1b2c3d4" * 4,
    "digitalocean-token": "dop_v1_" + "a1b2c3d4" * 8,
    "sendgrid-key": "SG." + A1[:22] + "." + A1[:43],
    "twilio-key": "SK" + "a1b2c3d4" * 4,
    "pypi-token": "pypi-AgE" + A1[:80],
    "docker-token": "dckr_pat_" + A1[:27],
    "sourcegraph-token": "sgp_" + "a1b2c3d4" * 5,
    "discord-token": "MT" + A1[:22] + "." + A1[:6] + "." + A1[:30],
    "facebook-token": "EAA" + A1[:120],
    "shopify-token": "shpat_" + "a1b2c3d4" * 4,
    "vault-legacy-token": "s." + A1[:24],
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


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "glpat-" + "X" * 20,
        "sk-ant-" + "your-api-key-goes-here-really",
        "sk_live_" + "abcdefghijklmnopqrstuvwx",
        "postgres://app:${DB_PASSWORD}@db/app",
        "https://user:<token>@host.example/",
        "https://user:changeme@host.example/",
        "s." + "makeKubeConfigController",
        "xoxb-" + "your-token-here",
    ],
)
def test_an_example_is_no_secret(text: str):
    assert find_all_secrets(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password = 'tr0ub4dor&3x'", "tr0ub4dor&3x"),
        ("DB_PASSWORD=hunter22x", "hunter22x"),
        ('{"client_secret": "q8Kz1wPm4Rt7Yv0a"}', "q8Kz1wPm4Rt7Yv0a"),
        ('{\\"api_key\\": \\"q8Kz1wPm4Rt7Yv0a\\"}', "q8Kz1wPm4Rt7Yv0a"),
        ("Authorization: Bearer q8Kz1wPm4Rt7Yv0a", "q8Kz1wPm4Rt7Yv0a"),
        ("> curl -H 'X-Api-Key: q8Kz1wPm4Rt7Yv0a' https://x.example", "q8Kz1wPm4Rt7Yv0a"),
        ("server --api-key q8Kz1wPm4Rt7Yv0a --port 80", "q8Kz1wPm4Rt7Yv0a"),
        ("curl -u ada:tr0ub4dor https://x.example", "tr0ub4dor"),
        ("GET /?access_token=q8Kz1wPm4Rt7Yv0a&x=1", "q8Kz1wPm4Rt7Yv0a"),
        ("<password>tr0ub4dor</password>", "tr0ub4dor"),
        ("auth: token: q8Kz1wPm4Rt7Yv0a", "q8Kz1wPm4Rt7Yv0a"),
        ("Server=db;User Id=app;Password=tr0ub4dor;", "tr0ub4dor"),
    ],
)
def test_a_value_that_the_text_names_a_credential_is_found_alone(text: str, value: str):
    assert [text[one.start : one.end] for one in find_all_secrets(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "password: string",
        "token = get_token(user1, 2)",
        "const apiKey = process.env.API_KEY_2",
        "tokens_used: 123456789012",
        "max_tokens=4096000000",
        "api_key: ${API_KEY_1}",
        "password=<your-password-1>",
        "token: null",
        "docker run -u 1000:1000 image",
        "csrf-token=q8Kz1wPm4Rt7Yv0a",
        "AuthSource: host12.internal.example",
        "secret_file=/run/secrets/a1",
        "The key to this: read2 the manual.",
    ],
)
def test_a_word_a_path_or_code_beside_such_a_name_is_none(text: str):
    assert find_all_secrets(text) == []


def test_a_format_wins_over_the_name_that_its_value_stands_under():
    text = "GITHUB_TOKEN=" + SAMPLES["github-token"]
    assert [one.kind for one in find_all_secrets(text)] == ["github-token"]


def test_a_secret_that_reaches_into_another_goes_as_a_whole():
    text = "https://a:b" + SAMPLES["github-token"] + "c@host " + SAMPLES["jwt"] + "@"
    assert "A1b2" not in without_secrets(text)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_secret_right_after_another_is_found_too(kind: str):
    assert len(find_secrets(" ".join([SAMPLES[kind]] * 3))) == 3


def test_a_key_that_is_cut_short_is_found_too():
    text = "-----BEGIN " + "PRIVATE KEY-----\n" + A1[:64] + "\n" + A1[:64]
    assert A1[:20] not in without_secrets("before " + text)


def test_a_tokens_own_checksum_tells_a_right_one_from_a_made_up_one():
    published = "zQWBuTSOoRi4A9sp" + "HcVY5ncnsDkxkJ" + "0mLq17"  # from the announcement of the format
    assert checksum("github-token", "ghp_" + published) is True
    assert checksum("npm-token", "npm_" + published[:-1] + "8") is False
    assert checksum("openai-key", "sk-" + published) is None


_TEXT = st.text(st.characters(), max_size=200)


@given(_TEXT, st.sampled_from(sorted(SAMPLES)), _TEXT)
def test_no_planted_secret_survives_whatever_stands_around_it(before: str, kind: str, after: str):
    shown = without_all_secrets(f"{before} {SAMPLES[kind]} {after}")
    assert SAMPLES[kind].removesuffix("-----END") not in shown
    assert SAMPLES[kind][-12:-5] not in shown.removeprefix(before) or SAMPLES[kind][-12:-5] in after


@given(st.lists(st.one_of(_TEXT, st.sampled_from(sorted(SAMPLES.values())), st.just("password=")), max_size=6))
def test_marking_twice_is_marking_once(parts: list[str]):
    once = without_all_secrets(" ".join(parts))
    assert without_all_secrets(once) == once


@pytest.mark.parametrize(
    "body",
    ["token=" * 20_000, "api_key: value, " * 10_000, "password" * 20_000, "--token " * 20_000, "<key>" * 40_000],
)
def test_no_text_stalls_the_search_for_assigned_values(body: str):
    begun = time.process_time()
    find_all_secrets(body)
    assert time.process_time() - begun < 20  # linear: a tenth of this; quadratic: hours
