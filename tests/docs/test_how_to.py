"""What the how-to pages ask a reader to write is accepted, and does what they say."""

import re
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import yaml
from typer.main import get_command

from bartizan.app.config import parse_config
from bartizan.app.estate import parse_estate
from bartizan.app.policy import parse_policy, read_policy
from bartizan.assess.mend import MENDS
from bartizan.cli.main import app
from bartizan.model.client import ClientSpec
from bartizan.model.policy import May
from bartizan.model.principal import ANONYMOUS
from bartizan.model.restriction import Restrained
from bartizan.model.ticket import NEXT
from bartizan.prevent.policy import Rules
from bartizan.rules.check import Check, run
from bartizan.rules.load import load
from bartizan.rules.samples import read_samples
from fixtures.examples import ROOT

HOW_TO = ROOT / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a language on a page."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(one) for one in found]


def block(page: str, language: str) -> str:
    """The first block of a language on a page."""
    return blocks(page, language)[0]


def test_the_policy_of_the_page_on_clients_lets_them_use_whatever_is_wrapped(tmp_path: Path):
    policy, config = blocks("put-clients-behind-the-gateway.md", "yaml")
    (tmp_path / "policy.yml").write_text(policy)
    rules = read_policy(parse_config(config, ""), tmp_path / "bartizan.yml", loopback=True)
    assert rules.anonymous("whatever")
    (line,) = rules.of_server("whatever")
    assert line.grant.may is May.WRITE
    assert rules.roles(ANONYMOUS) == {line.grant.role}


def test_the_commands_of_the_page_on_the_gateway_are_servers_of_a_configuration():
    (config,) = [one for one in blocks("put-a-server-behind-the-gateway.md", "yaml") if "tickets" in one]
    gateway = parse_config(config, "").gateway
    assert gateway
    assert gateway.servers["tickets"].env == {"TICKETS_TOKEN": "local:tickets-token"}
    assert gateway.servers["git"].command[0] == "uvx"


def test_the_check_of_the_page_finds_what_its_sample_holds():
    (rule,) = load({"rule.yml": block("add-a-check.md", "yaml")})
    names: dict[str, Any] = {}
    exec(block("add-a-check.md", "python"), names)
    (sample,) = read_samples(block("add-a-check.md", "json"))
    (finding,) = run([Check(rule=rule, function=names["check"])], sample.inventory)
    assert finding.message == "a runs from /tmp/x"


def test_the_client_of_the_page_is_a_client():
    (client,) = msgspec.convert(yaml.safe_load(block("add-a-client.md", "yaml")), list[ClientSpec])
    assert client.id == "example-editor"


def test_the_page_on_clients_lists_the_roles_formats_and_scopes_there_are():
    page = (HOW_TO / "add-a-client.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`(\w+)`", page))
    path = msgspec.inspect.type_info(ClientSpec)
    assert isinstance(path, msgspec.inspect.StructType)
    (paths,) = [field.type for field in path.fields if field.name == "paths"]
    assert isinstance(paths, msgspec.inspect.VarTupleType)
    assert isinstance(paths.item_type, msgspec.inspect.StructType)
    for field in paths.item_type.fields:
        if isinstance(field.type, msgspec.inspect.LiteralType):
            assert set(field.type.values) - {"unknown", "named"} <= words, field.name


def test_the_page_on_fixing_lists_every_finding_that_is_mended_and_options_that_exist():
    page = (HOW_TO / "fix-a-finding.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(MENDS)
    options = {name for parameter in get_command(app).commands["fix"].params for name in parameter.opts}  # type: ignore[attr-defined]
    assert set(re.findall(r"--[a-z]+", re.sub(r"bartizan scan.*", "", page))) <= options


def test_the_page_on_confirming_has_a_policy_that_is_one_and_the_states_there_are():
    page = (HOW_TO / "confirm-destructive-calls.md").read_text(encoding="utf-8")
    policy = parse_policy(block("confirm-destructive-calls.md", "yaml"), "policy.yml")
    assert len(Rules([policy]).confirmations) == 2
    rows = dict(re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", page, re.MULTILINE))
    table = {state.value: ", ".join(sorted(one.value for one in after)) for state, after in NEXT.items() if after}
    assert {state: ", ".join(sorted(rows[state].split(", "))) for state in table} == table
    commands = get_command(app).commands["approvals"].commands  # type: ignore[attr-defined]
    assert set(re.findall(r"bartizan approvals (\w+)", page)) <= set(commands)


def test_the_page_on_stopping_uses_commands_and_options_that_exist():
    page = (HOW_TO / "stop-the-gateway-at-once.md").read_text(encoding="utf-8")
    commands = get_command(app).commands["halt"].commands  # type: ignore[attr-defined]
    assert set(re.findall(r"bartizan halt (\w+)", page)) == set(commands)
    options = {name for command in commands.values() for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"--[a-z]+", page)) <= options
    assert all(f"--effect {effect.value}" in page for effect in Restrained if effect is not Restrained.DENY)


def test_the_context_of_the_page_on_replay_is_one_and_its_fields_are_those_that_events_get():
    page = (HOW_TO / "replay-logs.md").read_text(encoding="utf-8")
    estate = parse_estate(block("replay-logs.md", "yaml"), "context.yml")
    assert (len(estate.people), len(estate.servers)) == (2, 1)
    fields = set(re.findall(r"`mcp\.(\w+)`", page))
    assert fields == {
        "credential",
        "owner",
        "owner_status",
        "actor",
        "server",
        "egress",
        "process",
        "write",
        "user_session",
    }
    lines = [msgspec.json.decode(line) for line in block("replay-logs.md", "json").splitlines()]
    assert [line["type"] for line in lines] == ["finding", "summary"]
    options = {name for one in get_command(app).commands["replay"].params for name in one.opts}  # type: ignore[attr-defined]
    assert set(re.findall(r"--[a-z][a-z-]+", page)) <= options
