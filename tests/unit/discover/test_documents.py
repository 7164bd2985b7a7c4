"""Texts that are kept for judging: without secrets, line for line, within limits."""

from datetime import UTC, datetime

import pytest

from bartizan.discover.agents import read_agents
from bartizan.discover.documents import redact_prose
from bartizan.model.coverage import Outcome
from bartizan.model.limits import Limits
from bartizan.model.origin import Origin
from bartizan.model.secret import Secret

AT = datetime(2026, 11, 20, tzinfo=UTC)
KEY = Secret("key of this test")
TOKEN = "ghp_" + "A1b2" * 9
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "Ab1+\n" * 20 + "-----END RSA " + "PRIVATE KEY-----"


@pytest.fixture
def read(catalogue):
    return lambda *records, **more: read_agents(records, catalogue, key=KEY, at=AT, **more)


@pytest.mark.parametrize(
    ("client", "pattern", "origin"),
    [
        ("claude-code", "~/.claude/CLAUDE.md", Origin.INSTRUCTION_FILE),
        ("claude-code", "~/.claude/agents/**/*.md", Origin.INSTRUCTION_FILE),
        ("claude-code", "~/.claude/skills/**/SKILL.md", Origin.SKILL),
        ("claude-code", "~/.claude/projects/*/memory/*.md", Origin.MEMORY),
    ],
)
@pytest.mark.mission("P9")
def test_a_document_is_kept_with_where_it_comes_from(read, configuration, client, pattern, origin):
    (text,) = read(configuration(client, pattern, "Say what you do.\n")).documents
    assert (text.origin, text.text, text.line, text.cut) == (origin, "Say what you do.\n", 1, False)


def test_secrets_are_marks_and_lines_stay_where_they_were():
    told = f"one\ntoken {TOKEN}\n{PRIVATE_KEY}\nDB_PASSWORD=hunter2xyz\nlast"
    shown, credentials = redact_prose(told, "/home/alice/CLAUDE.md", KEY)
    assert TOKEN not in shown
    assert "Ab1+" not in shown
    assert "hunter2xyz" not in shown
    assert shown.count("\n") == told.count("\n")
    assert shown.splitlines()[-1] == "last"
    assert {credential.place.line for credential in credentials} >= {2}


def test_words_behind_the_name_of_a_secret_are_left_for_the_judge():
    told = "token=ignore password: previous secret=instructions"
    assert redact_prose(told, "", KEY)[0] == told


def test_the_commands_of_hooks_are_kept_each_with_its_line(read, configuration):
    settings = (
        '{\n"hooks": {"PreToolUse": [{"matcher": "Bash",\n"hooks": [{"type": "command",\n"command": "check.sh"}]}]}}'
    )
    found = read(configuration("claude-code", "~/.claude/settings.json", settings))
    (text,) = found.documents
    assert (text.origin, text.text, text.line) == (Origin.HOOK, "check.sh", 4)
    (hook,) = next(asset for asset in found.assets if "hooks" in asset.attributes).attributes["hooks"]
    assert hook == {"event": "PreToolUse", "matcher": "Bash", "command": "check.sh", "line": 4}


@pytest.mark.mission("X2")
@pytest.mark.parametrize("limits", [Limits(document_characters_max=10), Limits(documents_characters_max=10)])
def test_what_is_too_long_to_be_judged_is_told(read, configuration, limits):
    found = read(configuration("claude-code", "~/.claude/CLAUDE.md", "word " * 10), limits=limits)
    (text,) = found.documents
    assert (len(text.text), text.cut) == (10, True)
    (look,) = found.looks
    assert (look.part, look.outcome, look.subject) == ("text", Outcome.TRUNCATED, text.asset)
