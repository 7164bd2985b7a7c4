"""The catalogue of clients: what it holds, which mistakes it tells, and to whom a shared file belongs."""

import pytest

from bartizan.discover.catalogue import Catalogue, load_catalogue, owned
from bartizan.model.client import Roots, expand
from bartizan.model.errors import ContentError

BAD = """clients:
  - {id: a, name: A, source: s, confidence: high, verified: "2026-11-20", paths: [{path: nowhere, keys: [x]}]}
  - {id: b, name: B, source: s, confidence: sure, verified: "2026-11-20", paths: []}
  - {id: a, name: A, source: s, confidence: high, verified: "2026-11-20", paths: [{path: ~/x}]}
"""


def test_the_catalogue_names_the_clients_that_people_use(catalogue):
    known = {client.id for client in catalogue}
    assert len(known) >= 35
    assert known >= {
        "claude-code",
        "claude-desktop",
        "cursor",
        "vscode",
        "windsurf",
        "zed",
        "codex",
        "goose",
        "continue",
    }


def test_every_entry_says_where_it_is_known_from_and_when_it_was_verified(catalogue):
    for client in catalogue:
        assert client.source
        assert client.verified >= "2026-11-20"
        assert client.paths


def test_every_mistake_is_told_with_its_line():
    with pytest.raises(ContentError) as caught:
        load_catalogue({"clients.yml": BAD, "other.yml": "clients: [}", "third.yml": "nothing: here"})
    told = [str(place) for place, _ in caught.value.mistakes]
    assert told == ["clients.yml:2", "clients.yml:3", "clients.yml:4", "clients.yml:4", "other.yml:1", "third.yml:1"]


@pytest.mark.parametrize(
    ("pattern", "system", "path"),
    [
        ("{APP}/Claude/x.json", "linux", "/h/.config/Claude/x.json"),
        ("{APP}/Claude/x.json", "macos", "/h/Library/Application Support/Claude/x.json"),
        ("{APP}/Claude/x.json", "windows", "/h/AppData/Roaming/Claude/x.json"),
        ("{LOCALAPPDATA}/x", "windows", "/h/AppData/Local/x"),
        ("{LOCALAPPDATA}/x", "linux", None),
        ("{PROGRAMFILES}/x", "windows", "/image/Program Files/x"),
        ("/etc/x", "linux", "/image/etc/x"),
        ("{PROJECT}/x", "linux", None),
        ("{$CODEX_HOME}/x", "linux", "/moved/x"),
        ("{$OTHER}/x", "linux", None),
        ("relative/x", "linux", None),
    ],
)
def test_a_pattern_stands_on_its_system(pattern, system, path):
    roots = Roots(system=system, home="/h", root="/image", environment={"CODEX_HOME": "/moved"})
    assert expand(pattern, roots) == path


def test_without_a_root_nothing_outside_of_the_home_is_named():
    assert expand("/etc/x", Roots(system="linux", home="/h", root=None)) is None


def test_a_shared_file_belongs_to_the_clients_that_show_by_a_file_of_their_own(catalogue, configuration):
    shared = [configuration(client, "{PROJECT}/.mcp.json", "{}") for client in ("claude-code", "cursor", "copilot-cli")]
    own = configuration("copilot-cli", "~/.copilot/mcp-config.json", "{}")
    assert [one.client for one in owned(shared, Catalogue(catalogue))] == ["claude-code"]
    assert {one.client for one in owned([*shared, own], Catalogue(catalogue))} == {"copilot-cli"}


def test_a_managed_file_is_told_for_every_home_in_which_its_client_shows(catalogue, configuration):
    managed = configuration("claude-code", "/etc/claude-code/managed-mcp.json", "{}", home="", user="")
    own = configuration("claude-code", "~/.claude.json", "{}")
    assert [one.home for one in owned([managed], Catalogue(catalogue))] == [""]
    assert [one.home for one in owned([managed, own], Catalogue(catalogue))] == ["/home/alice", "/home/alice"]
