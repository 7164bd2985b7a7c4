"""The page on configuration lists the keys that there are, and its example is accepted."""

import re
from pathlib import Path

import msgspec

from bartizan.adapters.vaults.references import SCHEMES
from bartizan.app.config import CombinedEntry, Config, Discover, Gateway, Network, ServerEntry, parse_config
from bartizan.app.home import state_folder
from bartizan.model.identity import IdentityConfig
from bartizan.model.tls import ListenTls, UpstreamTls
from fixtures.examples import ROOT

PAGE = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")


def names(kind: type[msgspec.Struct]) -> set[str]:
    return set(kind.__struct_fields__)


def test_every_key_is_on_the_page_and_no_other():
    keys = (names(Config) - {"discover", "gateway", "network"}) | {f"discover.{name}" for name in names(Discover)}
    keys |= {f"network.{name}" for name in names(Network)}
    keys |= {f"gateway.identity.{name}" for name in names(IdentityConfig)}
    keys |= {f"gateway.{name}" for name in names(Gateway) - {"identity", "tls"}}
    keys |= {f"gateway.combined.{name}" for name in names(CombinedEntry)}
    keys |= {f"gateway.tls.{name}" for name in names(ListenTls)}
    keys |= {f"gateway.servers.NAME.{name}" for name in names(ServerEntry) - {"tls"}}
    keys |= {f"gateway.servers.NAME.tls.{name}" for name in names(UpstreamTls)}
    table = PAGE.partition("| key | default | is |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)) == keys


def test_the_example_of_the_page_is_accepted_and_uses_every_part():
    config = parse_config(PAGE.partition("```yaml\n")[2].partition("```")[0], "bartizan.yml")
    assert config.gateway
    assert config.discover.targets
    assert {bool(entry.url) for entry in config.gateway.servers.values()} == {True, False}


def test_every_kind_of_reference_is_on_the_page():
    assert set(re.findall(r"^\| `(\w+:)[A-Z]+` \|", PAGE, re.MULTILINE)) == set(SCHEMES)


def test_the_state_folder_is_where_the_page_says():
    home = Path.home()
    assert state_folder({}, "linux") == home / ".local/share/bartizan"
    assert state_folder({"XDG_DATA_HOME": "/d"}, "linux") == Path("/d/bartizan")
    assert state_folder({}, "darwin") == home / "Library/Application Support/bartizan"
    assert state_folder({"LOCALAPPDATA": "/l"}, "win32") == Path("/l/bartizan")
    assert state_folder({"BARTIZAN_HOME": "/b"}, "linux") == Path("/b")
