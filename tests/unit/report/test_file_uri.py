"""Paths become URIs that a reader of findings opens, whatever stands in a name."""

import os
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc3986_validator import validate_rfc3986

from bartizan.report.file_uri import file_uri


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/home/ada/.cursor/mcp.json", "file:///home/ada/.cursor/mcp.json"),
        ("/srv/a b/ü#1?.json", "file:///srv/a%20b/%C3%BC%231%3F.json"),
        ("C:\\Users\\Ada\\mcp.json", "file:///C:/Users/Ada/mcp.json"),
        ("\\\\files\\team\\mcp.json", "file://files/team/mcp.json"),
        (".mcp.json", ".mcp.json"),
        ("a:b/c.json", "a%3Ab/c.json"),
        ("/srv/\udcff.json", "file:///srv/%FF.json"),
        ("/srv/\ud800.json", "file:///srv/%3F.json"),
        ("", ""),
    ],
)
def test_paths_of_every_system_become_uris(path: str, uri: str) -> None:
    assert file_uri(path) == uri


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_any_path_is_a_valid_reference(text: str) -> None:
    for path in (text, f"/{text}", f"C:\\{text}", f"\\\\{text}"):
        assert validate_rfc3986(file_uri(path), rule="URI_reference")


@given(st.binary(max_size=40).filter(lambda name: b"\0" not in name))
def test_a_posix_path_comes_back_byte_for_byte(name: bytes) -> None:
    uri = file_uri("/" + os.fsdecode(name))
    assert unquote_to_bytes(uri.removeprefix("file://")) == b"/" + name
    assert not urlsplit(uri).query
    assert unquote(uri).startswith("file:///")
