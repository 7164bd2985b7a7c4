"""Policy files: every mistake with its line, and the command that tries them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bartizan.app.config import parse_config
from bartizan.app.policy import parse_policy, policy_files, read_policy
from bartizan.cli.main import app
from bartizan.model.errors import ContentError, UsageError
from bartizan.prevent.policy import Rules

GOOD = """\
servers: {s: {reads: [get]}}
roles: {r: [{group: g}]}
allow:
  - {role: r, server: s, tools: ["*"]}
examples:
  - principal: {id: a, groups: [g]}
    server: s
    tool: get
    expect: allow
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ContentError) as caught:
        Rules([parse_policy(text, "p.yml")], servers=["s"])
    return [f"{place.line}: {what}" for place, what in caught.value.mistakes]


def test_every_mistake_of_form_is_told_with_its_line():
    text = "roles:\n  r: [{groop: g}]\nallow:\n  - role: r\n    server: s\n    may: delete\n"
    text += "  - {server: s}\nx: 1\n"
    assert [line.partition(":")[0] for line in mistakes(text)] == ["2", "6", "7", "8"]


def test_every_mistake_of_meaning_is_told_with_its_line():
    text = (
        "servers:\n  t: {reads: [a]}\nroles:\n  r:\n    - {}\nallow:\n  - {role: q, server: s, tools: [a]}\n"
        "  - role: r\n    server: s\n    when: 'x.y'\n"
        "  - {role: r, server: s, tools: [a], commands: {c: ['ls | sh']}}\n"
        "limits:\n  - {per: [principal]}\n  - {per: [], calls: 1}\n  - {per: [tool], at_once: 1}\n"
    )
    told = mistakes(text)
    assert [int(line.partition(":")[0]) for line in told] == [2, 5, 7, 8, 10, 11, 13, 14]
    assert "2: no server `t` in the configuration; there are s" in told


def test_two_files_may_not_say_the_same_thing_twice():
    files = [parse_policy(GOOD, name) for name in ("a.yml", "b.yml")]
    with pytest.raises(ContentError, match="role `r` is defined in another file already"):
        Rules(files)


@pytest.mark.parametrize(
    "text", ["- 1", "allow: 3", "roles: {r: {group: a}}", "a: &a [*a]", "limits: [{per: [principal], window: 1y}]"]
)
def test_a_file_of_another_shape_is_a_mistake(text):
    assert mistakes(text)


def test_without_files_nothing_is_permitted_and_a_pattern_that_finds_none_is_an_error(tmp_path: Path):
    assert read_policy(parse_config("{}", ""), None, loopback=True).lines == ()
    with pytest.raises(UsageError, match="no file of policy"):
        policy_files(parse_config("policy: [x/*.yml]", ""), tmp_path / "bartizan.yml")


def test_what_opens_the_gateway_is_refused_beyond_loopback(tmp_path: Path):
    (tmp_path / "p.yml").write_text("servers:\n  s:\n    anonymous: true\n    dry_run: true\n")
    config = parse_config("policy: [p.yml]\ngateway: {servers: {s: {url: 'https://a.example'}}}", "")
    assert read_policy(config, tmp_path / "bartizan.yml", loopback=True).anonymous("s")
    with pytest.raises(ContentError, match=r"(?s)p\.yml:3.*p\.yml:4"):
        read_policy(config, tmp_path / "bartizan.yml", loopback=False)


def test_what_holds_of_every_server_gives_way_to_its_own_entry_and_names_no_exposure(tmp_path: Path):
    policy, config = tmp_path / "p.yml", parse_config("policy: [p.yml]", "")
    policy.write_text("servers: {'*': {anonymous: true, reads: [get]}, b: {}}")
    rules = read_policy(config, tmp_path / "bartizan.yml", loopback=True, wrapped=["b"])
    assert [(rules.anonymous(one), rules.reads(one, "get")) for one in "ab"] == [(True, True), (False, False)]
    policy.write_text("servers:\n  '*':\n    accepts: [exposed]\n")
    with pytest.raises(ContentError, match=r"p\.yml:3.*each server"):
        read_policy(config, tmp_path / "bartizan.yml", loopback=True)


def test_with_two_issuers_a_group_names_the_one_that_vouches_for_it(tmp_path: Path):
    (tmp_path / "p.yml").write_text(GOOD)
    issuers = "issuers: [{issuer: 'https://a.example'}, {issuer: 'https://b.example'}]"
    config = parse_config(
        f"policy: [p.yml]\ngateway: {{servers: {{s: {{command: [a]}}}}, identity: {{{issuers}}}}}", ""
    )
    with pytest.raises(ContentError, match="say `issuer`"):
        read_policy(config, tmp_path / "bartizan.yml", loopback=True)


def test_a_file_that_everybody_may_write_is_not_read(tmp_path: Path):
    path = tmp_path / "p.yml"
    path.write_text(GOOD)
    path.chmod(0o666)
    with pytest.raises(UsageError, match="everybody may write"):
        read_policy(parse_config("policy: [p.yml]", ""), tmp_path / "bartizan.yml", loopback=True)


@pytest.mark.parametrize(("expect", "code", "told"), [("allow", 0, "ok  "), ("deny", 1, "FAIL"), (None, 3, "")])
def test_policy_test_fails_where_a_call_is_decided_otherwise_than_its_author_expects(tmp_path, expect, code, told):
    path = tmp_path / "p.yml"
    text = GOOD.replace("expect: allow", f"expect: {expect}") if expect else GOOD.partition("examples")[0]
    path.write_text(text)
    result = CliRunner().invoke(app, ["policy", "test", str(path)])
    assert (result.exit_code, result.stdout[:4]) == (code, told)


def test_policy_explain_names_the_line_that_would_permit_it(tmp_path):
    path = tmp_path / "p.yml"
    path.write_text(GOOD)
    told = ["policy", "explain", str(path), "--server", "s", "--principal", "a", "--tool", "get"]
    assert CliRunner().invoke(app, [*told, "--group", "g"]).stdout.startswith("allow\n")
    denied = CliRunner().invoke(app, told).stdout
    assert denied.startswith("deny\n")
    assert f"to permit it: {path}:4: for the role r" in denied
    assert '"decision": "deny"' in CliRunner().invoke(app, [*told, "--format", "json"]).stdout


def test_a_key_is_printed_once_and_the_configuration_gets_its_hash():
    result = CliRunner().invoke(app, ["policy", "key", "ci"])
    made = result.stdout.strip()
    assert made.startswith("bzk_ci_")
    assert made not in result.stderr
    entry = result.stderr.partition("api_keys:\n")[2]
    assert parse_config(f"gateway: {{identity: {{api_keys: {{{entry.strip()}}}}}}}", "").gateway
