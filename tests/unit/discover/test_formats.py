"""Configuration files in every format, with the places of what stands in them; and texts that would do harm."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.discover.formats import BrokenError, pointer, read_document

COMMENTED = """\ufeff{
  // a remark with "quotes" and a { brace
  "servers": {
    "one": {"command": "npx", "args": ["a//b", "/* c */"],}, /* gone:
       "x": {} */
    "two": {"url": "https://example.com//x"},
  },
}
"""


def test_comments_and_trailing_commas_are_read_over_and_lines_stay_right():
    document = read_document(COMMENTED, "jsonc")
    assert document.value == {
        "servers": {"one": {"command": "npx", "args": ["a//b", "/* c */"]}, "two": {"url": "https://example.com//x"}}
    }
    assert document.line(("servers", "one", "args", 1)) == 4
    assert document.line(("servers", "two")) == 6
    assert document.line(("servers", "none")) == 3


def test_yaml_keeps_lines_of_names_and_of_elements():
    document = read_document("a: 1\nmcpServers:\n  - name: one\n    env: {A: 2020-01-01}\n  - name: two\n", "yaml")
    assert document.value["mcpServers"][0] == {"name": "one", "env": {"A": "2020-01-01"}}
    assert document.line(("mcpServers", 1)) == 5
    assert document.line(("mcpServers", 0, "env")) == 4


def test_toml_keeps_lines_of_tables_and_of_keys():
    document = read_document('a = 1\n[mcp_servers."my server"]\ncommand = "npx"\n', "toml")
    assert document.value["mcp_servers"] == {"my server": {"command": "npx"}}
    assert document.line(("mcp_servers", "my server", "command")) == 3
    assert document.line(("mcp_servers", "my server")) == 2


def test_front_matter_is_the_yaml_between_two_lines_of_dashes():
    document = read_document("---\nname: x\ntools: [a, b]\n---\n- not: [yaml\n", "markdown")
    assert document.value == {"name": "x", "tools": ["a", "b"]}
    assert read_document("# no front matter\n---\n", "markdown").value == {}


@pytest.mark.parametrize(
    ("form", "text", "line"),
    [
        ("jsonc", '{\n  "a": {\n    "b": 1\n', 4),
        ("json", '{\n  "a" 1\n}', 2),
        ("yaml", "a:\n  - b\n c: [\n", 3),
        ("toml", 'a = 1\n[x\nb = "c"\n', 2),
    ],
)
def test_a_broken_text_tells_its_line(form, text, line):
    with pytest.raises(BrokenError) as caught:
        read_document(text, form)
    assert caught.value.line == line
    assert caught.value.column


@pytest.mark.parametrize("form", ["json", "jsonc", "yaml", "toml"])
def test_a_broken_text_is_not_quoted_in_the_reason(form):
    canary = "canary" + "7Qx" * 5
    texts = (f"*{canary}", f"{{'{canary}': [", f'{{"{canary}" {canary}', f"[{canary}]\n[{canary}]\n", f"a: %{canary}")
    reasons = [reason_of(text, form) for text in texts]
    assert any(reasons)
    assert all(canary not in reason for reason in reasons)


def reason_of(text, form):
    try:
        read_document(text, form)
    except BrokenError as error:
        return error.reason
    return ""


def test_names_that_stand_twice_are_told_with_their_later_line():
    assert read_document('{"a": {\n"x": 1,\n"y": 2,\n"x": 3}}', "json").repeated(("a",)) == [("x", 4)]
    assert read_document("a:\n  x: 1\n  x: 2\n", "yaml").repeated(("a",)) == [("x", 3)]


HARMFUL = {
    "deep arrays": ("json", "[" * 100_000),
    "deep objects": ("jsonc", '{"a":' * 50_000 + "1" + "}" * 50_000),
    "deep but well formed": ("json", "[" * 500 + "]" * 500),
    "deep yaml": ("yaml", "[" * 100_000),
    "deep yaml blocks": ("yaml", "- " * 50_000),
    "an endless number": ("json", "1" * 100_000),
    "a long dotted key": ("toml", "a." * 100_000 + "b = 1"),
    "open comments": ("jsonc", "/*" * 100_000),
    "open strings": ("jsonc", '"\\' * 100_000),
    "commas": ("jsonc", "[" + ",  " * 100_000),
    "aliases of aliases": (
        "yaml",
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
    ),
    "an alias of itself": ("yaml", "a: &a [*a]"),
    "merges of merges": (
        "yaml",
        "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
    ),
    "an object tag": ("yaml", "!!python/object/apply:os.system ['true']\n: 1: 2"),
}


@pytest.mark.parametrize(("form", "text"), HARMFUL.values(), ids=HARMFUL)
def test_a_harmful_text_is_refused_within_a_second(form, text):
    started = time.process_time()
    with pytest.raises(BrokenError):
        read_document(text, form)
    assert time.process_time() - started < 2


def test_lone_surrogates_and_numbers_without_end_become_what_can_be_encoded():
    document = read_document(r'{"a": "\ud800x", "\udfff": 1}', "json")
    assert json.dumps(document.value, ensure_ascii=False).encode() == b'{"a": "?x", "?": 1}'
    assert read_document("a = 0x" + "f" * 5000 + "\nb = 1979-05-27\n", "toml").value["b"] == "1979-05-27"


@given(st.text(max_size=200), st.sampled_from(["json", "jsonc", "yaml", "toml", "markdown"]))
def test_any_text_is_read_or_refused(text, form):
    try:
        document = read_document(text, form)
    except BrokenError:
        return
    json.dumps(document.value)
    assert document.line(("a", 0)) is None or document.line(("a", 0))
    document.repeated(())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 2]))
def test_comments_and_commas_in_texts_are_left_alone(value, indent):
    assert read_document(json.dumps(value, indent=indent), "jsonc").value == value or not value
    commented = "// remark\n" + json.dumps(value, indent=indent) + " /* end */"
    found = read_document(commented, "jsonc").value
    assert json.dumps(found).replace("\\ud", "?") == json.dumps(value).replace("\\ud", "?") or not value


def test_a_pointer_escapes_what_it_must():
    assert pointer(("a/b", 0, "c~d")) == "/a~1b/0/c~0d"
