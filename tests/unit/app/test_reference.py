"""Reference files that a user gives."""

import json
from pathlib import Path

import pytest

from bartizan.app.config import Config
from bartizan.app.reference import read_reference
from bartizan.model.errors import UsageError
from bartizan.model.limits import Limits

SERVER = {"name": "com.acme/weather"}
ADVISORY = {"id": "X-1", "affected": [{"package": {"ecosystem": "npm", "name": "weather"}, "versions": ["1.0.0"]}]}


def test_without_files_there_is_no_registry_rather_than_an_empty_one():
    assert read_reference(Config()).registered is None


def test_a_file_lines_and_a_folder_are_read(tmp_path: Path):
    (tmp_path / "lines.json").write_text(f"{json.dumps(SERVER)}\n\n{json.dumps({'name': 'com.acme/b'})}\n")
    folder = tmp_path / "osv" / "npm"
    folder.mkdir(parents=True)
    (folder / "X-1.json").write_text(json.dumps(ADVISORY))
    config = Config(registry=(str(tmp_path / "lines.json"),), advisories=(str(tmp_path / "osv"),))
    reference = read_reference(config)
    assert [one.name for one in reference.registered or ()] == ["com.acme/weather", "com.acme/b"]
    assert [one.ids for one in reference.advisories] == [("X-1",)]


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no JSON"), ("[]", "nothing in it"), ('{"name": "x"}', "nothing in it"), (None, "cannot read")],
)
def test_a_file_that_holds_nothing_ends_the_scan_with_its_place(tmp_path: Path, text: str | None, said: str):
    file = tmp_path / "registry.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_reference(Config(registry=(str(file),)))
    assert caught.value.where
    assert caught.value.where.path == str(file)


def test_a_file_over_the_limit_is_refused(tmp_path: Path):
    file = tmp_path / "registry.json"
    file.write_text(json.dumps(SERVER))
    with pytest.raises(UsageError, match="reference_bytes_max"):
        read_reference(Config(registry=(str(file),)), Limits(reference_bytes_max=5))
