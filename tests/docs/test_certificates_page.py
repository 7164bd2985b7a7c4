"""The page on certificates: its commands make what it shows, and its configurations and policy are accepted."""

import re
import shlex

import yaml
from typer.testing import CliRunner

from bartizan.app.config import parse_config
from bartizan.app.listening import certificate_files, ear
from bartizan.app.policy import parse_policy
from bartizan.cli.main import app
from bartizan.model.limits import DEFAULT
from bartizan.prevent.guards.identity import of_certificate
from bartizan.prevent.policy import Rules
from fixtures.examples import ROOT

PAGE = (ROOT / "docs/how-to/give-the-gateway-certificates.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_command_prints_what_the_page_shows_and_makes_the_files_that_it_names(tmp_path, monkeypatch):
    monkeypatch.setenv("BARTIZAN_HOME", str(tmp_path))
    (command,) = re.findall(r"^    bartizan (tls init .*)$", PAGE, re.MULTILINE)
    done = CliRunner().invoke(app, shlex.split(command))
    assert (done.exit_code, done.stdout) == (0, BLOCKS[0].replace("/var/lib/bartizan", str(tmp_path)))
    gateway = parse_config(done.stdout, "bartizan.yml").gateway
    assert gateway is not None
    assert all(path.exists() for path in certificate_files(gateway, tmp_path))
    for name in re.findall(r"`?(?:tls/)([\w/-]+\.pem)`", PAGE):
        assert (tmp_path / "tls" / name).exists()


def test_the_configurations_are_accepted_and_others_reach_the_second_one():
    found = [parse_config(BLOCKS[index], "bartizan.yml").gateway for index in (1, 3)]
    assert all(found)
    assert found[0] is not None
    assert ear(found[0]).beyond
    assert ear(found[0]).hosts == ("gateway.example:8443",)


def test_the_policy_is_accepted_and_means_the_client_of_the_page():
    rules = Rules([parse_policy(BLOCKS[2], "policy.yml")], servers={"notes"})
    ids = re.findall(r"`(cert:[^`\s]+[^:`\s])`", PAGE)
    alice = of_certificate({"subjectAltName": [["URI", ids[0].removeprefix("cert:")]]})
    named = of_certificate({"subject": [[["commonName", "alice"]]]})
    assert alice
    assert named
    assert [alice.id, named.id] == ids
    assert rules.roles(alice) == {"people"}
    (member,) = yaml.safe_load(BLOCKS[2])["roles"]["people"]
    assert member["principal"] == ids[0]
    assert not rules.roles(named)


def test_what_the_page_says_of_lives_are_the_limits():
    told = (DEFAULT.certificate_days, DEFAULT.certificate_days_max, DEFAULT.authority_days)
    assert told == (30, 90, 2 * 365)
    assert "30 days (`--days`, at most 90), the authorities two years" in PAGE
