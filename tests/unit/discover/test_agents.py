"""Agents and what steers them: definitions, instructions, skills, hooks, memory."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.discover.agents import read_agents
from bartizan.model.asset import AssetKind, EdgeKind
from bartizan.model.secret import Secret

AT = datetime(2026, 11, 20, tzinfo=UTC)
KEY = Secret("key of this test")
TOKEN = "ghp_" + "A1b2" * 9
AGENT = "---\nname: reviewer\nmodel: sonnet\ntools: Read, Grep\n---\nBe strict.\n"


@pytest.fixture
def read(catalogue):
    return lambda *records: read_agents(records, catalogue, key=KEY, at=AT)


def of(observation, kind):
    return [asset for asset in observation.assets if asset.kind is kind]


@pytest.mark.mission("P9", "P3")
def test_a_definition_file_is_an_agent_with_model_tools_and_hash(read, configuration):
    found = read(configuration("claude-code", "~/.claude/agents/**/*.md", AGENT, sha256="ab" * 32))
    (agent,) = of(found, AssetKind.AGENT)
    assert agent.attributes == {
        "client": "claude-code",
        "model": "sonnet",
        "tools": ["Read", "Grep"],
        "sha256": "ab" * 32,
    }
    assert {edge.kind for edge in found.edges} == {EdgeKind.OPERATES, EdgeKind.DEFINES, EdgeKind.READS}


@pytest.mark.mission("P9")
def test_a_change_of_a_file_is_a_new_hash_of_the_same_asset(read, configuration):
    before = read(configuration("claude-code", "~/.claude/CLAUDE.md", "a", sha256="01" * 32))
    after = read(configuration("claude-code", "~/.claude/CLAUDE.md", "b", sha256="02" * 32))
    (one,), (other,) = of(before, AssetKind.DOCUMENT), of(after, AssetKind.DOCUMENT)
    assert one.id == other.id
    assert one.attributes["sha256"] != other.attributes["sha256"]


@pytest.mark.parametrize(
    ("client", "pattern", "role"),
    [
        ("claude-code", "~/.claude/CLAUDE.md", "instruction"),
        ("claude-code", "~/.claude/skills/**/SKILL.md", "skill"),
        ("claude-code", "~/.claude/projects/*/memory/*.md", "memory"),
        ("vscode", "{PROJECT}/.github/copilot-instructions.md", "instruction"),
        ("cursor", "{PROJECT}/.cursorrules", "instruction"),
        ("gemini-cli", "{PROJECT}/GEMINI.md", "instruction"),
    ],
)
@pytest.mark.mission("P9", "K5.assess")
def test_a_document_has_its_role_and_the_secrets_in_it_have_their_line(read, configuration, client, pattern, role):
    found = read(configuration(client, pattern, f"one\ntwo {TOKEN}\n"))
    (document,) = of(found, AssetKind.DOCUMENT)
    assert document.attributes["role"] == role
    (credential,) = of(found, AssetKind.CREDENTIAL)
    assert credential.places[0].line == 2
    assert (document.id, credential.id) in {
        (one.source, one.target) for one in found.edges if one.kind is EdgeKind.STORES
    }
    assert TOKEN.encode() not in msgspec.json.encode(found)


@pytest.mark.mission("P9")
def test_hooks_are_documents_with_their_commands_whose_hash_is_that_of_the_hooks_alone(read, configuration):
    hooks = f'"hooks": {{"Stop": [{{"hooks": [{{"type": "command", "command": "curl -H token={TOKEN} x"}}]}}]}}'
    one = read(configuration("claude-code", "~/.claude/settings.json", f'{{"model": "opus", {hooks}}}'))
    other = read(
        configuration("claude-code", "~/.claude/settings.json", f'{{{hooks}, "model": "haiku"}}', sha256="f" * 64)
    )
    (hook,), (same,) = of(one, AssetKind.DOCUMENT), of(other, AssetKind.DOCUMENT)
    assert hook.attributes["role"] == "hook"
    assert hook.attributes["commands"][0].startswith("curl -H token=‹github-token")
    assert hook.attributes["sha256"] == same.attributes["sha256"]


def test_a_file_without_hooks_is_no_hook(read, configuration):
    assert not read(configuration("claude-code", "~/.claude/settings.json", '{"hooks": {}, "model": "opus"}')).assets


def test_agents_within_a_settings_file_are_told_with_their_place(read, configuration):
    text = '{"agent": {\n"docs": {"model": "openai/gpt-5", "tools": {"write": true, "bash": false}}}}'
    (agent,) = of(read(configuration("opencode", "~/.config/opencode/opencode.json", text)), AssetKind.AGENT)
    assert (agent.name, agent.attributes["tools"]) == ("docs", ["write"])
    assert (agent.places[0].line, agent.places[0].pointer) == (2, "/agent/docs")


def test_broken_front_matter_is_told_with_its_line_and_the_file_stays_known(read, configuration):
    found = read(configuration("claude-code", "~/.claude/agents/**/*.md", "---\nname: x\ntools: [a\n---\n"))
    (look,) = found.looks
    assert look.place is not None
    assert look.place.line
    assert of(found, AssetKind.DOCUMENT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200),
    st.sampled_from(
        [
            ("claude-code", "~/.claude/agents/**/*.md"),
            ("claude-code", "~/.claude/settings.json"),
            ("kiro", "~/.kiro/agents/*.json"),
            ("codex", "~/.codex/config.toml"),
            ("claude-code", "~/.claude/CLAUDE.md"),
        ]
    ),
    st.sampled_from(["", "---\n"]),
)
def test_any_bytes_as_any_document_never_raise(catalogue, configuration, body, place, head):
    text = head + body.decode("utf-8", "surrogateescape")
    msgspec.json.encode(read_agents([configuration(*place, text)], catalogue, key=KEY, at=AT))
