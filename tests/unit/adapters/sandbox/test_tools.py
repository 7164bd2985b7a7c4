from pathlib import Path

import pytest

from bartizan.adapters.sandbox.box import INSIDE, Mount
from bartizan.adapters.sandbox.tools import behind_shim, find_program, mount_of, script_mounts, too_much
from bartizan.ports import SandboxError


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "someone"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("path", ["/", "/home", "/root", "/etc", "/tmp", "/home/alice", "/home/alice/.ssh", "/var/lib"])
def test_a_folder_of_everything_is_too_much(path):
    assert too_much(Path(path))


@pytest.mark.parametrize("below", ["", ".ssh", ".aws/x/y/z", ".config/x/y/z", ".local", ".local/share/keyrings"])
def test_in_a_home_the_places_of_credentials_are_too_much(home, below):
    assert too_much(home / below)
    assert too_much(Path("/home/other") / below)


@pytest.mark.parametrize("below", ["project", "code/server", ".local/share/uv/tools/x", ".nvm/versions/node/v20"])
def test_in_a_home_a_project_or_an_installation_is_not(home, below):
    assert not too_much(home / below)


def test_a_program_of_the_system_needs_no_mount():
    assert find_program("sh").mounts == ()


def test_a_program_brings_its_installation(home):
    node = program(home / ".nvm" / "versions" / "v20" / "bin" / "node")
    assert find_program(str(node)).mounts == (mount_of(home / ".nvm" / "versions" / "v20"),)


def test_a_program_in_a_home_comes_alone(home):
    tool = program(home / "bin" / "tool")
    assert find_program("~/bin/tool").mounts == (mount_of(tool),)


def test_a_relative_program_is_found_from_the_servers_directory(home):
    tool = program(home / "project" / "bin" / "tool")
    assert find_program("./bin/tool", directory=str(home / "project")).path == str(tool)


def test_a_program_that_is_not_there_is_skipped(home):
    with pytest.raises(SandboxError, match="not on this host"):
        find_program("no-such-program-here")


def test_a_script_brings_its_project_without_dotenv_files(home):
    script = program(home / "project" / "src" / "server.py")
    (home / "project" / "pyproject.toml").write_text("")
    (home / "project" / ".env").write_text("KEY=1")
    hidden = Mount(source=str(INSIDE / "empty"), target=str(home / "project" / ".env"))
    assert script_mounts(script) == [mount_of(home / "project"), hidden]


def test_a_script_in_a_home_comes_alone_even_where_the_home_is_a_repository(home):
    (home / ".git").mkdir()
    script = program(home / "server.py")
    assert script_mounts(script) == [mount_of(script)]


@pytest.mark.parametrize("layout", ["versions/{}/bin", "installs/python/{}/bin"])
def test_behind_a_version_managers_shim_stands_its_newest_installation(tmp_path: Path, layout: str):
    for version in ("3.9.1", "3.11.7"):
        folder = tmp_path / layout.format(version)
        folder.mkdir(parents=True)
        (folder / "python3").touch()
    shim = tmp_path / "shims" / "python3"
    assert behind_shim(shim) == str(tmp_path / layout.format("3.11.7") / "python3")
    assert behind_shim(tmp_path / "bin" / "python3") == str(tmp_path / "bin" / "python3")


def test_a_link_to_a_home_is_not_mounted_for_the_script_behind_it(home, tmp_path):
    (home / ".ssh").mkdir()
    (home / "server.js").write_text("")
    project = tmp_path / "cloned"
    project.mkdir()
    (project / "up").symlink_to(home)
    mounts = script_mounts(project / "up" / "server.js")
    assert [mount.source for mount in mounts] == [str(project / "up" / "server.js")]
