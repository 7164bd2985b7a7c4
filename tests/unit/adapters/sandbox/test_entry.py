import json
import re

import pytest

from bartizan.adapters.sandbox.entry import npm_entry, pypi_entry
from bartizan.model.limits import DEFAULT
from bartizan.ports import SandboxError


@pytest.fixture
def npm(tmp_path):
    def build(document, *, name="@scope/server", files=("dist/index.js",), text="#!/usr/bin/env node\n"):
        folder = tmp_path / "node_modules" / name
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(document if isinstance(document, str) else json.dumps(document))
        return tmp_path

    return build


@pytest.fixture
def pypi(tmp_path):
    def build(scripts="", *, name="my_server", module=False):
        information = tmp_path / f"{name}-1.0.dist-info"
        information.mkdir()
        if scripts:
            (information / "entry_points.txt").write_text(scripts)
        if module:
            (tmp_path / name).mkdir()
            (tmp_path / name / "__main__.py").write_text("")
        return tmp_path

    return build


def test_a_single_program_is_it_whatever_its_name(npm):
    tree = npm({"bin": {"mcp-anything": "dist/index.js"}})
    assert npm_entry(tree, "@scope/server", [], DEFAULT) == "node_modules/@scope/server/dist/index.js"


def test_a_program_given_as_text_has_the_name_of_the_package(npm):
    assert npm_entry(npm({"bin": "./dist/index.js"}), "@scope/server", [], DEFAULT).endswith("dist/index.js")


def test_the_command_chooses_among_several_programs(npm):
    tree = npm({"bin": {"one": "a.js", "two": "b.js"}}, files=("a.js", "b.js"))
    assert npm_entry(tree, "@scope/server", ["npx", "two"], DEFAULT).endswith("b.js")
    with pytest.raises(SandboxError, match="names none of them: one, two"):
        npm_entry(tree, "@scope/server", ["npx"], DEFAULT)


@pytest.mark.parametrize("place", ["../../../outside.js", "/etc/passwd", "missing.js", "..", ""])
def test_a_program_outside_its_package_is_refused(npm, place, tmp_path):
    (tmp_path.parent / "outside.js").write_text("")
    with pytest.raises(SandboxError, match="skipped"):
        npm_entry(npm({"bin": {"server": place}}), "@scope/server", [], DEFAULT)


@pytest.mark.parametrize("document", ["", "[]", "{", '{"bin": 7}', '{"bin": {"a": 1}}', "{}", "[" * 100_000])
def test_a_broken_package_json_is_skipped_with_a_reason(npm, document):
    with pytest.raises(SandboxError, match="skipped"):
        npm_entry(npm(document), "@scope/server", [], DEFAULT)


def test_a_program_that_is_no_node_program_is_skipped(npm):
    with pytest.raises(SandboxError, match="no Node program"):
        npm_entry(npm({"bin": "dist/index.js"}, text="#!/bin/sh\n"), "@scope/server", [], DEFAULT)


SCRIPTS = "[console_scripts]\nmy-server = my_server.cli:App.main\nother = my_server:x [extra]\n[gui_scripts]\ng = m:f\n"


def test_the_console_script_of_the_packages_name_is_the_usual_one(pypi):
    found = pypi_entry(pypi(SCRIPTS), "my-server", [], DEFAULT)
    assert (found.kind, found.name, found.value) == ("script", "my-server", "my_server.cli:App.main")


def test_the_command_chooses_another_script(pypi):
    assert pypi_entry(pypi(SCRIPTS), "my-server", ["uvx", "other"], DEFAULT).value == "my_server:x"


def test_python_m_starts_the_module(pypi):
    found = pypi_entry(pypi(SCRIPTS, module=True), "my-server", ["python", "-m", "my_server"], DEFAULT)
    assert (found.kind, found.value) == ("module", "my_server")


def test_without_scripts_the_packages_own_module_starts(pypi):
    assert pypi_entry(pypi(module=True), "my-server", ["../x", "a/b"], DEFAULT).value == "my_server"


@pytest.mark.parametrize(
    "scripts", ["[console_scripts]\nx = os:system('a')\n", "nonsense", "[console_scripts]\n", "\x00", "[a]\nb = c:d\n"]
)
def test_what_is_no_entry_point_is_not_started(pypi, scripts):
    with pytest.raises(SandboxError, match=re.escape("skipped")):
        pypi_entry(pypi(scripts), "my-server", [], DEFAULT)
