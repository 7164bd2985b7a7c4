"""`bartizan.yml`: every mistake is told with its line."""

from pathlib import Path

import pytest

from bartizan.app.config import Config, parse_config, read_config
from bartizan.model.errors import ContentError, UsageError

WRONG = """\
store: 7
bus: sqlite
gateway:
  listens: 127.0.0.1:8700
  servers:
    github: {url: https://mcp.example.com/mcp}
    both: {url: https://x, command: [npx, x]}
    number: {url: 3}
    nothing: {}
discover:
  homes: [1, /a]
"""


def test_every_mistake_is_told_with_its_line_and_none_twice():
    with pytest.raises(ContentError) as caught:
        parse_config(WRONG, "bartizan.yml")
    told = [(place.line, what) for place, what in caught.value.mistakes]
    assert [line for line, _ in sorted(told)] == [1, 2, 4, 7, 8, 9, 11]
    assert "unknown field `bus`" in str(caught.value)
    assert "bartizan.yml:7: a server has either a url or a command" in str(caught.value)


def test_what_is_no_yaml_is_told_with_its_line():
    with pytest.raises(ContentError) as caught:
        parse_config("store: sqlite\n  x: [", "bartizan.yml")
    assert caught.value.mistakes[0][0].line == 2


@pytest.mark.parametrize("text", ["", "{}", "# nothing\n"])
def test_an_empty_file_means_the_defaults(text: str):
    assert parse_config(text, "bartizan.yml") == Config()


@pytest.mark.parametrize("text", ["[]", "7", "store", "gateway: []", "discover: 1", "gateway: {servers: [1]}"])
def test_a_document_of_another_shape_is_a_mistake_and_no_crash(text: str):
    with pytest.raises(ContentError):
        parse_config(text, "bartizan.yml")


def test_servers_of_record_are_by_url_or_by_command():
    config = parse_config("gateway: {servers: {a: {url: https://x/mcp}, b: {command: [npx, b]}}}", "bartizan.yml")
    assert config.gateway is not None
    assert config.gateway.servers["b"].command == ("npx", "b")


def test_a_file_that_is_not_there_says_how_to_name_another(tmp_path: Path):
    with pytest.raises(UsageError, match="BARTIZAN_CONFIG"):
        read_config(tmp_path / "nowhere.yml")
    assert read_config(None) == Config()
