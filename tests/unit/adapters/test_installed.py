"""Copies of packages, found where runners and installers really put them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.adapters.collectors import manifests
from bartizan.adapters.collectors.files import FileCollector
from bartizan.adapters.collectors.homes import home_at
from bartizan.model.coverage import Outcome
from bartizan.model.limits import Limits
from bartizan.model.record import PackageRecord, WantedPackage


def copies(
    home: Path, name: str, ecosystem: str = "npm", *, project: Path | None = None, path: str = "", **limits: Any
):
    """The copies of a package in a home, and the looks."""
    collector = FileCollector(
        [], homes=[home_at(str(home))], projects=[str(project)] if project else [], root=None, limits=Limits(**limits)
    )
    return collector.installed([WantedPackage(ecosystem=ecosystem, name=name, path=path)])


def npm(folder: Path, version: str = "1.0.0", **document: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": folder.name, "version": version, **document}))
    return folder


def wheel(site: Path, name: str, version: str, **files: str) -> None:
    information = site / f"{name}-{version}.dist-info"
    information.mkdir(parents=True)
    for file, text in files.items():
        (site / f"{file}.pth").write_text(text)
    (information / "RECORD").write_text("".join(f"{file}.pth,sha256=x,1\n" for file in files) + f"{name}.py,,\n")


@pytest.mark.mission("P4")
def test_the_cache_of_npx_tells_the_scripts_of_a_package_and_its_dependencies(tmp_path: Path):
    modules = tmp_path / ".npm/_npx/0123abcd/node_modules"
    npm(modules / "@acme/weather", scripts={"postinstall": "node setup.js", "prepare": "tsc", "test": "jest"})
    places = {"node_modules/esbuild": {"hasInstallScript": True}, "node_modules/zod": {"version": "1"}}
    places["node_modules/@acme/weather"] = {"hasInstallScript": True}
    (modules / ".package-lock.json").write_text(json.dumps({"packages": places}))
    (found,) = copies(tmp_path, "@acme/weather").records
    assert found == PackageRecord(
        ecosystem="npm",
        name="@acme/weather",
        version="1.0.0",
        path=str(modules / "@acme/weather/package.json"),
        install_scripts={"postinstall": "node setup.js"},
        scripted_dependencies=("esbuild",),
    )


@pytest.mark.parametrize(
    "place",
    [
        ".npm/_npx/1/node_modules",
        ".nvm/versions/node/v22.1.0/lib/node_modules",
        ".cache/pnpm/dlx/abc/1-2/node_modules",
        ".bun/install/global/node_modules",
    ],
)
def test_every_usual_place_of_a_home_is_looked_into(tmp_path: Path, place: str):
    npm(tmp_path / place / "weather", version="2.1.0")
    assert [one.version for one in copies(tmp_path, "weather").records] == ["2.1.0"]


def test_a_project_and_the_path_of_a_launch_are_looked_into(tmp_path: Path):
    project = tmp_path / "elsewhere"
    npm(project / "node_modules/weather")
    opt = npm(tmp_path / "opt/lib/node_modules/weather", version="3.0.0")
    (tmp_path / "home").mkdir()
    found = copies(tmp_path / "home", "weather", project=project, path=str(opt / "dist/index.js")).records
    assert {one.version for one in found} == {"1.0.0", "3.0.0"}


@pytest.mark.mission("P4")
def test_a_native_part_is_built_without_a_script_that_says_so(tmp_path: Path):
    (npm(tmp_path / "node_modules/weather") / "binding.gyp").write_text("{}")
    assert copies(tmp_path, "weather").records[0].install_scripts == {"install": "node-gyp rebuild"}
    assert manifests.npm_scripts({"gypfile": False}, builds_addon=True) == {}


@pytest.mark.mission("P4")
def test_a_wheel_whose_pth_file_holds_code_runs_it_at_every_start_and_one_with_folders_does_not(tmp_path: Path):
    cache = tmp_path / ".cache/uv"
    wheel(cache / "archive-v0/Xyz", "weather_mcp", "1.2.0", start="import os; os.getcwd()", folders="/srv/x\n")
    linked = cache / "wheels-v7/pypi/weather-mcp/1.2.0-py3-none-any"
    linked.parent.mkdir(parents=True)
    linked.symlink_to("../../../archive-v0/Xyz")
    (found,) = copies(tmp_path, "weather-mcp", "pypi").records
    assert (found.version, found.install_scripts) == ("1.2.0", {"start.pth": "import os; os.getcwd()"})


@pytest.mark.mission("P4")
def test_a_package_that_uv_built_from_source_ran_code_of_its_own(tmp_path: Path):
    built = tmp_path / ".cache/uv/sdists-v10/pypi/weather/0.6.2/S37g/metadata.msgpack"
    built.parent.mkdir(parents=True)
    built.write_bytes(b"x")
    (found,) = copies(tmp_path, "weather", "pypi").records
    assert (found.version, list(found.install_scripts)) == ("0.6.2", ["build"])


def test_tools_of_uv_and_pipx_and_environments_of_projects_are_looked_into(tmp_path: Path):
    for version, place in enumerate((".local/share/uv/tools/weather", ".local/share/pipx/venvs/weather", "p/.venv"), 1):
        wheel(tmp_path / place / "lib/python3.12/site-packages", "weather", f"{version}.0")
    found = copies(tmp_path, "weather", "pypi", project=tmp_path / "p").records
    assert {one.version for one in found} == {"1.0", "2.0", "3.0"}


def test_a_manifest_that_cannot_be_read_is_a_look_and_no_copy_without_scripts(tmp_path: Path):
    folder = npm(tmp_path / "node_modules/weather")
    (folder / "package.json").write_text("[1]")
    collected = copies(tmp_path, "weather")
    assert (collected.records, [look.outcome for look in collected.looks]) == ((), [Outcome.FAILED])


def test_more_copies_than_the_limit_are_told(tmp_path: Path):
    for number in range(4):
        npm(tmp_path / f".npm/_npx/{number}/node_modules/weather")
    collected = copies(tmp_path, "weather", package_copies_max=3)
    assert len(collected.records) == 3
    assert collected.looks[-1].outcome is Outcome.TRUNCATED


@pytest.mark.parametrize("name", ["../weather", "weather/../../x", ".", "..", "@a/../b", "*", "a*", "‹token›", ""])
def test_a_name_that_is_no_name_leads_nowhere(tmp_path: Path, name: str):
    npm(tmp_path / "node_modules/weather")
    for ecosystem in ("npm", "pypi"):
        assert copies(tmp_path / "node_modules", name, ecosystem).records == ()


@given(st.binary(max_size=200), st.text(max_size=200))
def test_hostile_manifests_end_nothing(body: bytes, text: str):
    manifests.npm_scripts(manifests.npm_manifest(body) or {})
    manifests.scripted_dependencies(body, "x", 5)
    manifests.pth_names(text)
    manifests.pth_code(text)


@pytest.mark.parametrize("scripts", [None, 5, [], {"postinstall": 5}, {"postinstall": ["x"]}, {"postinstall": "  "}])
def test_scripts_of_another_shape_are_none(scripts: Any):
    assert manifests.npm_scripts({"scripts": scripts}) == {}
