"""What a server was given, and what looks like a secret, never survives in what is kept of its words."""

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bartizan.model.launch import Launch
from bartizan.model.secret import MARK, Secret
from bartizan.model.snapshot import Transport
from bartizan.text.redaction import Redactor

KEY = Secret("k" * 64)
GITHUB = "ghp_" + "A1b2" * 9
GIVEN = "s3cr/t+v4lue=" + 'of "one" & é'


def launch(value: str, name: str = "API_TOKEN") -> Launch:
    return Launch(transport=Transport.STDIO, command=(Secret("server"),), environment={name: Secret(value)})


def redactor(value: str = "x7" * 10) -> Redactor:
    return Redactor(launch(value), KEY)


@pytest.mark.parametrize(
    ("more", "url", "headers"),
    [
        (("--api-key", "CANARY"), None, {}),
        (("--api-key=CANARY",), None, {}),
        (("API_KEY=CANARY",), None, {}),
        ((), "http://127.0.0.1:1/mcp?a=1&access_token=CANARY", {}),
        ((), "http://user:CANARY@127.0.0.1:1/mcp", {}),
        ((), "http://127.0.0.1:1/mcp", {"Authorization": "Bearer CANARY"}),
        ((), "http://127.0.0.1:1/mcp", {"X-Api-Key": "CANARY"}),
    ],
)
def test_credential_is_known_wherever_the_launch_holds_it(more: tuple[str, ...], url: str, headers: dict[str, str]):
    canary = "c4n4ry" * 4
    one = Launch(
        transport=Transport.STDIO,
        command=tuple(Secret(word.replace("CANARY", canary)) for word in ("server", "--verbose", *more)),
        url=Secret(url.replace("CANARY", canary)) if url else None,
        headers={name: Secret(value.replace("CANARY", canary)) for name, value in headers.items()},
    )
    redactor = Redactor(one, KEY)
    said = {"name": f"uses {canary}!", canary: ["server", "--verbose"]}
    assert redactor.json(said) == {"name": f"uses {MARK}!", MARK: ["server", "--verbose"]}
    assert redactor.repeated


def _base64(before: int, after: int) -> Callable[[str], str]:
    return lambda value: base64.b64encode(b"u" * before + value.encode() + b":" * after).decode()


def _units(value: str) -> list[int]:
    raw = value.encode("utf-16-be")
    return [int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw), 2)]


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a URL": lambda value: quote(value, safe=""),
    "in a URL, lower case": lambda value: quote(value, safe="").lower() if value.islower() else quote(value),
    "in a query": quote_plus,
    "in a URL in a URL": lambda value: quote(quote(value, safe=""), safe=""),
    "every byte in percent": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "in JSON": json.dumps,
    "in JSON in JSON": lambda value: json.dumps(json.dumps(value)),
    "in JSON in JSON, not ASCII": lambda value: json.dumps(json.dumps(value, ensure_ascii=False), ensure_ascii=False),
    "in JSON, every character": lambda value: "".join(f"\\u{one:04x}" for one in _units(value)),
    "in JSON with slashes escaped": lambda value: json.dumps(value).replace("/", "\\/"),
    "in Python": lambda value: repr(value.encode()),
    "in HTML": html.escape,
    "in HTML in HTML": lambda value: html.escape(html.escape(value)),
    "in numbers of HTML": lambda value: "".join(f"&#{ord(one)};" for one in value),
    "in hexadecimal": lambda value: value.encode().hex(),
    "in large hexadecimal": lambda value: value.encode().hex().upper(),
    "in base64": _base64(0, 0),
    "in base64 of a pair": _base64(5, 0),
    "in base64 amid text": _base64(7, 4),
    "in base64 of URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "in base64 in a URL": lambda value: quote(base64.b64encode(value.encode()).decode(), safe=""),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_server_was_given_stays_out_in_whatever_form_it_comes_back(form: str):
    said = FORMS[form](GIVEN)
    for text in (Redactor(launch(GIVEN), KEY).json(f"a {said} b"), Redactor(launch(GIVEN), KEY).speech(f"a {said} b")):
        assert MARK in text
        kept = text.replace(MARK, "").strip("ab '\"\\u=")
        assert len(kept) <= 18, kept  # of base64: the neighbours, and the characters that also hold bits of them


VALUES = st.text(st.characters(codec="utf-8"), min_size=8, max_size=150)


@given(VALUES, st.sampled_from(sorted(FORMS)), st.text(max_size=20), st.text(max_size=20))
def test_no_form_of_what_a_server_was_given_survives(value: str, form: str, before: str, after: str):
    assume(not value.isspace() and value == value.strip())
    text = before + FORMS[form](value) + after
    one = Redactor(launch(value, "PASSWORD"), KEY)
    assume(one._given)  # pyright: ignore[reportPrivateUsage]  # not a placeholder
    assert value not in one.json(text)
    assert one.repeated


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_around_it_saves_a_secret_of_a_known_format(before: str, after: str):
    text = f"{before} {GITHUB} {after}"
    one = redactor()
    kept = [one.speech(text, "/stderr"), one.json({text: [text, (text,)]}, "/tools/0"), text[:0]]
    assert GITHUB not in repr(kept)
    assert {found.kind for found in one.credentials} >= {"github-token"}
    assert GITHUB not in msgspec.json.encode([found.asset() for found in one.credentials]).decode()


@given(st.recursive(st.text(st.characters(), max_size=60) | st.none() | st.integers(), st.lists, max_leaves=8))
def test_what_is_marked_once_stays_as_it_is(value: object):
    said = [value, f"token {GITHUB}", GIVEN, {"k": GIVEN, "api_key": "password=aB3dE5fG7h9"}]
    once = Redactor(launch(GIVEN), KEY).json(said)
    assert Redactor(launch(GIVEN), KEY).json(once) == once
    text = Redactor(launch(GIVEN), KEY).speech(str(said))
    assert Redactor(launch(GIVEN), KEY).speech(text) == text


def test_a_secret_that_a_server_says_is_a_credential_with_its_place():
    one = redactor()
    kept = one.json([{"name": "x", "description": f"uses {GITHUB}"}], "/tools")
    assert kept[0]["description"].startswith("uses ‹github-token github-sha256:")
    (found,) = one.credentials
    assert (found.kind, found.place.pointer) == ("github-token", "/tools/0/description")
    assert not one.repeated


def test_standard_error_also_hides_what_only_its_name_makes_a_credential():
    one = redactor()
    assert "aB3dE5fG7h9" not in one.speech("connecting with password=aB3dE5fG7h9 ...", "/stderr")
    assert [found.kind for found in one.credentials] == ["generic"]


def test_definitions_without_a_credential_stay_the_same_object():
    value = [{"name": "\u200bodd \u202etext", "inputSchema": {"type": "object", "required": ["a"], "n": 1.5}}]
    one = redactor()
    assert one.json(value) is value
    assert not one.repeated


def test_names_that_become_one_mark_hide_no_value():
    value = "c4n4ry" * 4
    kept = redactor(value).json({value: "evil", value.encode().hex(): "benign", MARK: "third"})
    assert sorted(kept.values()) == ["benign", "evil", "third"]


def test_a_lone_surrogate_neither_stops_nor_saves_anything():
    one = redactor("pass\ud800word12")
    assert one.json("\udfff pass\ud800word12 \ud83d") == f"\udfff {MARK} \ud83d"
    assert GITHUB not in one.speech(f"\ud800 {GITHUB} \udc00")


def test_a_long_credential_is_found_in_parts():
    value = "".join(f"{number:03x}Z" for number in range(1000))
    one = redactor(value)
    assert one.json(f"begins {value[:3000]}").count(MARK) >= 45


@pytest.mark.parametrize(
    "text",
    [
        " ".join("ghp_" + f"{number:05d}aB3dE5" * 3 + "xyz" for number in range(20_000)),
        f"x{GIVEN}" * 100_000,
        GIVEN[:-1] * 400_000,
        "%25" * 3_300_000,
        "\\" * 10_000_000,
        "&amp;" * 2_000_000,
        "token=" * 500_000,
    ],
    ids=["tokens", "echoes", "almost", "percents", "backslashes", "entities", "names"],
)
def test_a_bomb_is_read_in_time_that_grows_with_its_length(text: str):
    one = redactor(GIVEN)
    began = time.process_time()
    kept = one.json(text, "/stderr")
    assert time.process_time() - began < 8
    assert GIVEN not in kept
