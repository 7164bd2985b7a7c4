import asyncio
import io
from dataclasses import dataclass

import msgspec
import pytest

from bartizan.adapters.approvers.terminal import TerminalApprover, answered, consent_digest, described
from bartizan.model.launch import Launch
from bartizan.model.secret import MARK, Secret
from bartizan.model.snapshot import Transport
from bartizan.ports import Consent

KEY = Secret("key of this test")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Asked:
    answer: Consent
    shown: str


def launch(*words: str, shown: str = "", directory: str | None = None, **environment: str) -> Launch:
    return Launch(
        transport=Transport.STDIO,
        command=tuple(Secret(word) for word in words),
        environment={name: Secret(value) for name, value in environment.items()},
        directory=directory,
        shown=shown or " ".join(words),
    )


async def ask(asked: Launch, typed: str) -> Asked:
    screen = Screen()
    answer = await TerminalApprover(source=Screen(typed), target=screen).consent(asked)
    return Asked(answer, screen.getvalue())


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y\n", Consent.GIVEN),
        ("YES\n", Consent.GIVEN),
        ("r\n", Consent.REMEMBERED),
        ("n\n", Consent.REFUSED),
        ("\n", Consent.REFUSED),
        ("", Consent.REFUSED),
        ("yes please\n", Consent.REFUSED),
        ("yy\n", Consent.REFUSED),
    ],
)
@pytest.mark.mission("X5")
def test_only_a_clear_yes_is_consent(typed, answer):
    assert run(ask(launch("npx", "server"), typed)).answer is answer
    assert answered(typed) is answer


@pytest.mark.mission("X5")
def test_without_a_terminal_nothing_is_asked_and_the_answer_is_no():
    target = io.StringIO()
    approver = TerminalApprover(source=io.StringIO("y\n"), target=target)
    assert run(approver.consent(launch("npx", "server"))) is Consent.REFUSED
    assert target.getvalue() == ""


def test_every_argument_is_shown_however_long_the_command():
    words = ["npx", "-y", "server", *(f"--option-{number}=value" for number in range(2_000)), "--the-last=one"]
    shown = described(launch(*words))
    assert all(word in shown for word in words)
    assert "and begins with: npx -y server" in shown


def test_what_would_be_invisible_or_steer_the_terminal_is_a_code_point():
    shown = described(launch("sh", "-c", "safe \u202e\x1b[2J\r\u200bhidden", directory="/tmp/\x07x"))
    assert not set(shown) & {"\u202e", "\x1b", "\r", "\u200b", "\x07"}
    assert "‹U+202E›" in shown
    assert "‹U+001B›" in shown


def test_secrets_stay_marks_and_variables_are_named_without_values():
    value = "very" + "secret" * 3
    shown = described(
        launch("npx", "x", value, shown=f"npx x {MARK}", API_KEY=value, NODE_AUTH_TOKEN=value, LEVEL="7z")
    )
    assert value not in shown
    assert "API_KEY" in shown
    assert "7z" not in shown


def test_variables_that_change_what_runs_are_shown_with_their_values():
    shown = described(launch("npx", "x", NODE_OPTIONS="--require ./x.js", PATH="/tmp/\u202ebin:/bin"))
    assert "NODE_OPTIONS='--require ./x.js' (changes what runs)" in shown
    assert "PATH='/tmp/‹U+202E›bin:/bin' (changes what runs)" in shown


def test_what_hides_as_a_secret_and_could_be_a_command_is_told():
    plain = launch("sh", "-c", "TOKEN=x;evil", shown=f"sh -c TOKEN={MARK}")
    assert "CAUTION" not in described(plain)
    assert "CAUTION      word 3" in described(msgspec.structs.replace(plain, opaque=(2,)))


def test_an_address_is_asked_for_as_an_address_with_the_names_of_its_headers():
    one = Launch(
        transport=Transport.STREAMABLE_HTTP,
        url=Secret("https://mcp.example.com/mcp"),
        headers={"Authorization": Secret("Bearer x")},
        shown="https://mcp.example.com/mcp",
    )
    asked = run(ask(one, "y\n"))
    assert "address      https://mcp.example.com/mcp" in asked.shown
    assert "headers      Authorization" in asked.shown
    assert "Contact it?" in asked.shown
    assert "is a program" not in asked.shown
    other = msgspec.structs.replace(one, headers={"Authorization": Secret("Bearer y")})
    assert consent_digest(one, KEY) != consent_digest(other, KEY)


@pytest.mark.mission("X5")
def test_a_remembered_consent_holds_for_exactly_one_start():
    first = launch("npx", "server", NODE_OPTIONS="--max-old-space-size=1")
    same = launch("npx", "server", NODE_OPTIONS="--max-old-space-size=1")
    assert consent_digest(first, KEY) == consent_digest(same, KEY)
    others = [
        consent_digest(launch("npx", "server", "--more"), KEY),
        consent_digest(launch("npx server"), KEY),
        consent_digest(launch("npx", "server", NODE_OPTIONS="--require=./evil.js"), KEY),
        consent_digest(launch("npx", "server", directory="/x", NODE_OPTIONS="--max-old-space-size=1"), KEY),
        consent_digest(first, KEY, package="server@2.0.0"),
        consent_digest(first, Secret("another key")),
    ]
    assert len({consent_digest(first, KEY), *others}) == 7
