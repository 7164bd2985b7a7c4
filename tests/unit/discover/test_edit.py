"""Edits of configurations: the intended difference and no other, in every format and dialect."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bartizan.discover.edit import EditError, edited, rewrite, value_at, without_emptied
from bartizan.discover.formats import read_document
from bartizan.model.client import Format
from bartizan.model.mend import Edit

JSONC = """{
  // servers of the team
  "mcpServers": {
    "a": {"command": "npx", "args": ["-y", "x"]}, // the first
    // the second
    "b": {
      "command": "npx", /* as usual */
      "env": {"T": "s, t", "U": "v"},
    },
  }
}
"""
TOML = """# mine
model = "x"

[mcp_servers.git]
command = "uvx" # as usual
args = ['mcp-server-git', "b"]

[mcp_servers.git.env]
TOKEN = "a # b"
X = "y"

# the clock
[mcp_servers.time]
command = "uvx"
http_headers = { Authorization = "Bearer x", "X-Y" = "z" }
"""
YAML = """# mine
extensions:
  fetch: # the web
    enabled: true
    args: [mcp-server-fetch, '--x']
    envs: {A: "b", C: d}

    # below it
  other:
    cmd: uvx
    envs:
      K: v
list:
- name: a
  args:
  - one
  - two
- name: b
"""
DOCUMENTS: dict[Format, str] = {"jsonc": JSONC, "toml": TOML, "yaml": YAML}


@pytest.mark.parametrize(
    ("form", "edit", "before", "after"),
    [
        ("jsonc", Edit(path=("mcpServers", "a", "args", 1), value="x@1"), '"-y", "x"]', '"-y", "x@1"]'),
        (
            "jsonc",
            Edit(path=("mcpServers", "b", "disabled"), value=True),
            '"b": {\n      "command"',
            '"b": {\n      "disabled": true,\n      "command"',
        ),
        (
            "jsonc",
            Edit(action="remove", path=("mcpServers", "a")),
            '    "a": {"command": "npx", "args": ["-y", "x"]}, // the first\n',
            "",
        ),
        ("jsonc", Edit(action="remove", path=("mcpServers", "b", "env", "U")), '"s, t", "U": "v"}', '"s, t"}'),
        ("jsonc", Edit(action="remove", path=("mcpServers", "b", "env", "T")), '{"T": "s, t", "U"', '{"U"'),
        ("jsonc", Edit(action="prepend", path=("inputs",), value=1), '"mcpServers"', '"inputs": [1],\n  "mcpServers"'),
        ("jsonc", Edit(action="prepend", path=("mcpServers", "a", "args"), value="q"), '["-y"', '["q", "-y"'),
        ("toml", Edit(path=("mcp_servers", "git", "args", 0), value="g==1"), "'mcp-server-git'", "'g==1'"),
        ("toml", Edit(action="remove", path=("mcp_servers", "git", "env", "TOKEN")), 'TOKEN = "a # b"\n', ""),
        (
            "toml",
            Edit(action="prepend", path=("mcp_servers", "git", "env_vars"), value="T"),
            '[mcp_servers.git]\ncommand = "uvx" # as',
            '[mcp_servers.git]\nenv_vars = ["T"]\ncommand = "uvx" # as',
        ),
        (
            "toml",
            Edit(action="remove", path=("mcp_servers", "time", "http_headers", "Authorization")),
            '{ Authorization = "Bearer x", "X-Y"',
            '{ "X-Y"',
        ),
        (
            "toml",
            Edit(path=("mcp_servers", "time", "env_http_headers", "A"), value="V"),
            "[mcp_servers.time]\n",
            '[mcp_servers.time]\nenv_http_headers = { "A" = "V" }\n',
        ),
        ("yaml", Edit(path=("extensions", "fetch", "args", 0), value="f==2"), "[mcp-server-fetch,", "[f==2,"),
        ("yaml", Edit(path=("extensions", "fetch", "args", 1), value="--y"), "'--x'", "'--y'"),
        ("yaml", Edit(path=("extensions", "fetch", "enabled"), value=False), "enabled: true", "enabled: false"),
        ("yaml", Edit(action="remove", path=("extensions", "fetch", "envs", "A")), '{A: "b", C', "{C"),
        ("yaml", Edit(action="remove", path=("extensions", "other", "envs", "K")), "      K: v\n", "      {}\n"),
        (
            "yaml",
            Edit(action="prepend", path=("extensions", "other", "env_keys"), value="K"),
            "    cmd: uvx",
            '    env_keys: ["K"]\n    cmd: uvx',
        ),
        ("yaml", Edit(action="prepend", path=("list", 0, "args"), value="zero"), "  - one", '  - "zero"\n  - one'),
        ("yaml", Edit(action="remove", path=("list", 1)), "- name: b\n", ""),
        ("yaml", Edit(action="remove", path=("list", 0, "name")), "- name: a\n  args", "- args"),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_an_edit_changes_its_own_words_and_no_other(
    form: Format, edit: Edit, before: str, after: str, ends: str, bom: str
):
    text = DOCUMENTS[form]
    assert text.count(before) == 1
    told = rewrite(bom + text.replace("\n", ends), form, [edit])
    assert told == bom + text.replace(before, after).replace("\n", ends)


def test_the_last_entry_goes_with_the_comma_before_it_and_leaves_the_comments():
    text = '{\n  "a": 1, // one\n  // two\n  "b": 2\n}\n'
    assert rewrite(text, "jsonc", [Edit(action="remove", path=("b",))]) == '{\n  "a": 1 // one\n  // two\n}\n'


def test_line_ends_of_both_kinds_in_one_file_stay():
    text = '{\r\n  "a": 1,\n"b": 2,\r\n  "c": 3\n}'
    assert rewrite(text, "jsonc", [Edit(action="remove", path=("a",))]) == text.replace('  "a": 1,\n', "")
    assert rewrite(text, "jsonc", [Edit(action="remove", path=("b",))]) == text.replace('"b": 2,\r\n', "")


def test_a_whole_table_of_toml_goes_with_those_below_it():
    told = rewrite(TOML, "toml", [Edit(action="remove", path=("mcp_servers", "git"))])
    assert "git" not in told
    assert told.endswith(TOML[TOML.index("# the clock") :])
    assert told.startswith('# mine\nmodel = "x"\n')


def test_a_name_that_stands_twice_is_not_edited_by_half():
    with pytest.raises(EditError, match="more than it says"):
        rewrite('{"a": {"x": 1}, "a": {"x": 2}}', "jsonc", [Edit(action="remove", path=("a",))])


@pytest.mark.parametrize(
    ("text", "form", "path"),
    [
        ("a: &x {k: 1}\nb: *x\n", "yaml", ("b", "k")),  # an alias: the anchor would change too
        ("mcp_servers.a.command = 'x'\n", "toml", ("mcp_servers", "a", "enabled")),  # a table without a header
        ('{"a": "x"', "jsonc", ("a",)),
        ('{"a": 1}', "jsonc", ("b", "c", "d", 0)),
        ("- a\n", "yaml", ("b",)),
    ],
)
def test_what_cannot_be_edited_alone_is_refused(text: str, form: Format, path: tuple[str | int, ...]):
    with pytest.raises(EditError):
        rewrite(text, form, [Edit(path=path, value="y")])


def test_a_refusal_quotes_nothing_of_the_document():
    with pytest.raises(EditError) as told:
        rewrite('{"k": "hidden" "x"}', "jsonc", [Edit(path=("k",), value="y")])
    assert "hidden" not in str(told.value)


names = st.text(min_size=1, max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
indents = st.sampled_from([None, 1, 2, 4, "\t"])


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, one in inner for found in paths(one, (*path, step)))]


def written(value: Any, form: Format, indent: Any) -> str:
    if form == "jsonc":
        return json.dumps(value, indent=indent, ensure_ascii=False)
    return yaml.safe_dump(value, indent=indent or 2 if indent != "\t" else 2, allow_unicode=True, sort_keys=False)


@given(st.dictionaries(names, values, min_size=1, max_size=4), indents, st.sampled_from(["jsonc", "yaml"]), st.data())
def test_any_edit_of_any_document_is_the_intended_difference_or_refused(
    value: dict[str, Any], indent: Any, form: Format, data: st.DataObject
):
    text = written(value, form, indent)
    try:
        before = read_document(text, form).value
    except ValueError:
        return
    path = data.draw(st.sampled_from([one for one in paths(before) if one]))
    changed = st.text(max_size=8).map(lambda text: Edit(path=path, value=text))
    edit = data.draw(changed | st.just(Edit(action="remove", path=path)))
    try:
        told = rewrite(text, form, [edit])
    except EditError:
        return
    assert read_document(told, form).value == edited(before, [edit])


@given(st.dictionaries(names, st.text(max_size=8), min_size=1, max_size=4), st.text(max_size=8), indents)
def test_a_text_of_json_is_always_replaced(value: dict[str, str], text: str, indent: Any):
    before = written(value, "jsonc", indent)
    name = next(iter(value))
    told = rewrite(before, "jsonc", [Edit(path=(name,), value=text)])
    assert value_at(json.loads(told), (name,)) == text.encode("utf-8", "replace").decode()


keys = st.sampled_from(["a", "b-c", '"d e"', "'f.g'", '"h#"'])
atoms = st.sampled_from(['"x # y"', "'z]'", "1", "true", "1979-05-27 07:32:00", '"""a\nb"""', "[1, 2]", "{ k = 1 }"])
lists = st.sampled_from(["[\n  'p', # one\n  'q',\n]", '{ k = "v", "l m" = [1] }'])
tables = st.sampled_from(["[t]", "[t.u] # t", '[t."v w"]', "[[s]]", "[s.x]"])


@given(st.lists(st.tuples(st.none() | tables, keys, atoms | lists), min_size=1, max_size=6), st.data())
def test_any_edit_of_any_toml_is_the_intended_difference_or_refused(lines: list[Any], data: st.DataObject):
    text = "".join((f"{table}\n" if table else "# -\n\n") + f"{key} = {value} # c\n" for table, key, value in lines)
    try:
        before = read_document(text, "toml").value
    except ValueError:
        return
    path = data.draw(st.sampled_from([one for one in paths(before) if one]))
    edit = data.draw(st.sampled_from([Edit(path=path, value="new"), Edit(action="remove", path=path)]))
    try:
        told = rewrite(text, "toml", [edit])
    except EditError:
        return
    after = read_document(told, "toml").value
    assert without_emptied(after, [edit]) == without_emptied(edited(before, [edit]), [edit])


@given(st.text(max_size=60), st.sampled_from(["jsonc", "yaml", "toml"]))
def test_no_text_is_edited_wrongly_or_crashes(text: str, form: Format):
    try:
        rewrite(text, form, [Edit(path=("a",), value="b")])
    except EditError:
        return
