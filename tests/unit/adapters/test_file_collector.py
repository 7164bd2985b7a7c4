"""Collecting the files of clients from disk: the estate whole, and everything that a file can be."""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bartizan.adapters.collectors.files import FileCollector
from bartizan.adapters.collectors.homes import Home, home_at, homes_of_this_machine
from bartizan.discover.agents import read_agents
from bartizan.discover.clients import projects_named, read_clients
from bartizan.model.asset import AssetKind
from bartizan.model.client import System
from bartizan.model.coverage import Outcome
from bartizan.model.limits import Limits
from bartizan.model.record import NamedFile
from bartizan.model.secret import Secret

AT = datetime(2026, 11, 20, tzinfo=UTC)
KEY = Secret("key of this test")
SERVERS = '{"mcpServers": {"s": {"command": "x"}}}'
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user, which takes root")


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home" / "dana"
    (home / ".cursor").mkdir(parents=True)
    return home


def collect(catalogue, home: Path, **more):
    return FileCollector(catalogue, homes=[home_at(str(home))], root=None, **more).collect()


def problems(collected):
    return {Path(one.path).name: one.problem for one in collected.records if one.problem}


def whole(catalogue, estate, system: System = "linux"):
    """The reading of an estate as the program does it: files, what they name, and the meaning of both."""
    collector = FileCollector(
        catalogue, homes=[home_at(str(estate.home), system)], find_projects=projects_named, root=str(estate.root)
    )
    collected = collector.collect()
    first = read_clients(collected.records, catalogue, key=KEY, at=AT)
    named = collector.read_named(first.named_files)
    records = [*collected.records, *named.records]
    digests = collector.digests(first.local_programs)
    read = read_clients(records, catalogue, key=KEY, at=AT, digests=digests)
    return collected, read, read_agents(records, catalogue, key=KEY, at=AT)


def test_the_estate_shows_its_clients_servers_and_every_one_of_its_secrets(catalogue, estate):
    collected, read, agents = whole(catalogue, estate)
    clients = {one.attributes["client"] for one in read.observation.assets if one.kind is AssetKind.CLIENT}
    assert len(clients) >= 15
    servers = {one.name: one for one in read.observation.assets if one.kind is AssetKind.SERVER}
    assert len(servers) >= 40
    assert servers["corporate"].attributes["url"] == "https://mcp.corp.example.com/mcp"
    found = {one.id for one in (*read.observation.assets, *agents.assets) if one.kind is AssetKind.CREDENTIAL}
    assert len(found) == len(estate.canaries)
    for shown in (msgspec.json.encode(read.observation), msgspec.json.encode(agents), repr(read), repr(collected)):
        assert estate.leaks(shown) == []


def test_every_broken_file_of_the_estate_is_told_with_its_line(catalogue, estate):
    _, read, agents = whole(catalogue, estate)
    places = [look.place for look in (*read.observation.looks, *agents.looks) if look.place and not look.complete]
    broken = {Path(place.path).name for place in places if place.column}
    assert broken == {"broken.yaml", "work.config.toml", "mcp.json", "broken.md"}
    assert all(place.line for place in places)


@pytest.mark.parametrize(
    ("system", "names"),
    [
        ("macos", {"mac-files", "mac-time", "trae-one", "who", "mac-cursor", "mac-managed"}),
        (
            "windows",
            {"win-files", "win-bom", "win-goose", "win-zed", "win-crush", "win-vs", "win-managed", "win-codex"},
        ),
    ],
)
def test_homes_of_other_systems_are_read_from_their_image(catalogue, make_estate, system, names):
    _, read, _ = whole(catalogue, make_estate(system), system)
    assert {one.name for one in read.observation.assets if one.kind is AssetKind.SERVER} == names


def test_nothing_outside_of_the_home_is_read_without_a_root(catalogue, estate):
    collected = collect(catalogue, estate.home, find_projects=projects_named)
    assert all(one.path.startswith(str(estate.home)) for one in collected.records)


def test_pipes_sockets_folders_and_large_or_odd_files_are_told_and_not_read(catalogue, home):
    os.mkfifo(home / ".cursor" / "mcp.json")
    (home / ".claude.json").mkdir()
    (home / ".copilot").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(home / ".copilot")  # the path of a socket is short
        listening.bind("mcp-config.json")
        os.chdir(before)
    (home / ".factory").mkdir()
    (home / ".factory" / "mcp.json").write_text(SERVERS + " " * 5000)
    (home / ".lmstudio").mkdir()
    (home / ".lmstudio" / "mcp.json").write_bytes(b'{"a": "\xff"}')
    found = collect(catalogue, home, limits=Limits(file_bytes_max=4000))
    told = {one.path.removeprefix(str(home)): one.problem for one in found.records}
    assert told == {
        "/.cursor/mcp.json": "not a regular file but a pipe",
        "/.claude.json": "not a regular file but a folder",
        "/.copilot/mcp-config.json": "not a regular file but a socket",
        "/.factory/mcp.json": "larger than 4000 bytes",
        "/.lmstudio/mcp.json": "not UTF-8 (byte 7)",
    }
    assert len([look for look in found.looks if not look.complete]) == 5
    assert all(one.text is None for one in found.records)


def test_a_link_to_a_file_of_the_same_owner_is_followed(catalogue, home):
    (home / "dotfiles").mkdir()
    (home / "dotfiles" / "x.json").write_text(SERVERS)
    (home / ".cursor" / "mcp.json").symlink_to(home / "dotfiles" / "x.json")
    (record,) = collect(catalogue, home).records
    assert record.text == Secret(SERVERS)


@as_root
def test_a_link_to_a_file_of_another_owner_is_not_followed(catalogue, home, tmp_path):
    secret = tmp_path / "shadow"
    secret.write_text(SERVERS)
    for path in (home, home / ".cursor"):
        os.chown(path, 4242, 4242)
    (home / ".cursor" / "mcp.json").symlink_to(secret)
    (home / ".copilot").symlink_to(tmp_path)
    (tmp_path / "mcp-config.json").write_text(SERVERS)
    found = collect(catalogue, home)
    assert set(problems(found).values()) == {"a symbolic link to a file of another owner"}
    assert len(found.records) == 2
    assert all(one.text is None for one in found.records)


@as_root
def test_a_file_that_a_configuration_names_is_read_for_its_owner_only(catalogue, home, tmp_path):
    mine, theirs = home / "mine.env", tmp_path / "theirs.env"
    for path in (mine, theirs):
        path.write_text("A=b")
    for path in (home, mine):
        os.chown(path, 4242, 4242)
    collector = FileCollector(catalogue, homes=[home_at(str(home))], root=None)
    names = [mine, theirs, home / ".." / ".." / "theirs.env", home / "none.env"]
    found = collector.read_named([NamedFile(path=str(path), home=str(home)) for path in names])
    assert [one.path for one in found.records] == [str(mine)]
    assert [look.outcome for look in found.looks] == [Outcome.SKIPPED, Outcome.SKIPPED, Outcome.ABSENT]
    assert not collector.read_named([NamedFile(path=str(mine), home="/elsewhere")]).records


@as_root
def test_a_project_of_another_owner_is_not_entered_because_a_file_names_it(catalogue, home, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / ".mcp.json").write_text(SERVERS)
    (home / ".claude.json").write_text(f'{{"projects": {{"{project}": {{}}}}}}')
    for path in (home, home / ".claude.json"):
        os.chown(path, 4242, 4242)
    found = collect(catalogue, home, find_projects=projects_named)
    assert [Path(one.path).name for one in found.records] == [".claude.json"]
    assert [look.outcome for look in found.looks if not look.complete] == [Outcome.SKIPPED]
    assert len(collect(catalogue, home, projects=[str(project)]).records) > 1


def test_patterns_are_cut_at_their_limits_and_told(catalogue, home):
    folder = home / ".claude" / "skills"
    for number in range(30):
        (folder / f"s{number}").mkdir(parents=True)
        (folder / f"s{number}" / "SKILL.md").write_text("x")
    found = collect(catalogue, home, limits=Limits(directory_entries_max=20))
    assert any("directory_entries_max" in look.reason for look in found.looks if look.outcome is Outcome.TRUNCATED)
    assert 0 < len(found.records) < 30
    few = collect(catalogue, home, limits=Limits(config_files_max=3))
    assert len(few.records) == 3
    assert any("config_files_max" in look.reason for look in few.looks)


def test_files_that_are_too_much_together_are_told_and_not_kept(catalogue, home):
    for number in range(5):
        folder = home / ".claude" / "skills" / f"s{number}"
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text("x" * 1000)
    found = collect(catalogue, home, limits=Limits(config_bytes_max=2500))
    assert [one.text is None for one in found.records] == [False, False, True, True, True]
    assert len([look for look in found.looks if look.outcome is Outcome.TRUNCATED]) == 3


def test_a_loop_of_links_ends(catalogue, home):
    (home / ".claude" / "skills").mkdir(parents=True)
    (home / ".claude" / "skills" / "again").symlink_to(home / ".claude")
    (home / ".cursor" / "mcp.json").symlink_to(home / ".cursor" / "mcp.json")
    found = collect(catalogue, home)
    assert problems(found).keys() == {"mcp.json"}


def test_a_name_that_is_no_utf8_is_told_in_a_form_that_can_be_encoded(catalogue, home):
    folder = os.fsencode(home) + b"/.claude/skills/\xff"
    Path(os.fsdecode(folder)).mkdir(parents=True)
    Path(os.fsdecode(folder + b"/SKILL.md")).write_text("x")
    (record,) = collect(catalogue, home).records
    record.path.encode()
    assert "\ufffd" in record.path


def test_variables_move_the_folder_of_a_client(catalogue, home, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "config.toml").write_text('[mcp_servers.s]\ncommand = "x"\n')
    owner = home.stat().st_uid
    own = Home(path=str(home), user="dana", uid=owner, environment={"CODEX_HOME": str(moved)})
    found = FileCollector(catalogue, homes=[own], root=None).collect()
    assert [one.path for one in found.records] == [str(moved / "config.toml")]


def test_a_home_that_is_not_there_is_told(catalogue, tmp_path):
    found = collect(catalogue, tmp_path / "nobody")
    assert [look.outcome for look in found.looks] == [Outcome.FAILED]


def test_the_homes_of_this_machine_begin_with_ones_own(monkeypatch, home):
    monkeypatch.setenv("HOME", str(home))
    homes = homes_of_this_machine()
    assert homes[0].path == str(home)
    assert len({one.path for one in homes}) == len(homes)


def named(catalogue, *paths: Path):
    collector = FileCollector(catalogue, homes=[], root=None)
    collected = collector.read_configurations([str(path) for path in paths])
    return collected, read_clients(collected.records, catalogue, key=KEY, at=AT).observation


def test_a_configuration_that_our_user_names_is_read_for_the_client_whose_file_ends_like_that(catalogue, tmp_path):
    path = tmp_path / "backup" / ".cursor" / "mcp.json"
    path.parent.mkdir(parents=True)
    path.write_text(SERVERS)
    _, observation = named(catalogue, path)
    clients = [one.attributes["client"] for one in observation.assets if one.kind is AssetKind.CLIENT]
    assert clients == ["cursor"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("servers.json", SERVERS),
        ("servers.toml", '[mcp_servers.s]\ncommand = "x"\n'),
        ("servers.yaml", "mcpServers:\n  s: {command: x}\n"),
    ],
)
def test_a_named_configuration_of_no_known_client_is_read_by_its_format(catalogue, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    _, observation = named(catalogue, tmp_path / name)
    assert [one.name for one in observation.assets if one.kind is AssetKind.SERVER] == ["s"]


@pytest.mark.parametrize(("text", "told"), [("{}", "no servers"), ('{"a": ', "not JSON"), ("[1, 2]", "no servers")])
def test_a_named_configuration_without_servers_is_told_as_not_looked_at(catalogue, tmp_path, text, told):
    (tmp_path / "x.json").write_text(text)
    _, observation = named(catalogue, tmp_path / "x.json")
    assert [(look.outcome, told in look.reason) for look in observation.looks] == [(Outcome.FAILED, True)]


@as_root
def test_a_link_that_is_put_away_after_the_opening_is_still_a_link(catalogue, home, tmp_path, monkeypatch):
    secret = tmp_path / "secret.json"
    secret.write_text(SERVERS)
    os.chown(secret, 0, 0)
    place = home / ".cursor" / "mcp.json"
    place.symlink_to(secret)
    os.chown(home, 12345, 12345)

    def open_and_swap(path, flags, _open=os.open):
        descriptor = _open(path, flags)
        if str(path) == str(place) and place.is_symlink():
            place.unlink()
            place.write_text("{}")
        return descriptor

    monkeypatch.setattr(os, "open", open_and_swap)
    assert problems(collect(catalogue, home))["mcp.json"] == "a symbolic link to a file of another owner"
