import json

import pytest

from bartizan.adapters.sandbox.egress import destination_of
from bartizan.adapters.sandbox.fetch import check, newest, reported
from bartizan.adapters.sandbox.indexes import files_of, npm_page, pip_settings, pypi_files, pypi_vouched
from bartizan.model.limits import DEFAULT
from bartizan.ports import SandboxError, Wanted

PAGE = "https://index.example/simple/x/"


def test_pips_settings_are_read_in_its_own_order():
    lines = [
        ":env:.find-links='/wheels'",
        "global.cert='/a.pem'",
        "global.index-url='https://a.example/simple'",
        "install.index-url='https://b.example/simple'",
        "global.extra-index-url='file:///one\\nfile:///two'",
        "nonsense",
        "freeze.index-url='https://c.example/simple'",
    ]
    assert pip_settings(lines) == {
        "find-links": "/wheels",
        "cert": "/a.pem",
        "index-url": "https://b.example/simple",
        "extra-index-url": "file:///one\nfile:///two",
    }


def test_a_project_page_says_where_its_files_are_in_json_and_in_html():
    body = json.dumps({"files": [{"url": "https://files.example/a.whl"}, {"url": "../../b.whl"}]}).encode()
    expected = {("files.example", 443), ("index.example", 443)}
    assert pypi_files(body, "application/vnd.pypi.simple.v1+json", PAGE) == expected
    html = (
        b'<a href="https://files.example/a.whl#sha256=0">a</a><a href="../../b.whl">b</a><img src="http://no.example">'
    )
    assert pypi_files(html, "text/html", PAGE) == expected


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"files": 1}', b'{"files": [1]}', b"[" * 100_000])
def test_json_that_is_no_project_page_is_refused(body):
    with pytest.raises(SandboxError, match="no project page"):
        pypi_files(body, "application/json", PAGE)


def test_a_registry_says_versions_tags_and_where_the_files_are():
    document = {
        "versions": {"1.0.0": {"dist": {"tarball": "https://f.example/x.tgz"}}},
        "dist-tags": {"latest": "1.0.0"},
    }
    page = npm_page(json.dumps(document).encode(), "x")
    assert page.destinations == {("f.example", 443)}
    assert page.versions == ("1.0.0",)
    assert page.tags == {"latest": "1.0.0"}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"versions": 3}', b'{"versions": {"1": {}}}', b'"x"'])
def test_a_registry_that_answers_nonsense_is_refused(body):
    with pytest.raises(SandboxError, match="no readable entry"):
        npm_page(body, "x")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://H.example/x", ("h.example", 443)),
        ("http://127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("https://u:p@h.example:1/", ("h.example", 1)),
        ("https://[::1]:5/", ("::1", 5)),
        ("https://[::1", None),
        ("https://h:99999/", None),
        ("file:///x", None),
        ("ftp://h/x", None),
        ("", None),
    ],
)
def test_a_destination_is_host_and_port(url, found):
    assert destination_of(url) == found


def test_a_local_index_names_the_folders_of_its_files(tmp_path):
    (tmp_path / "simple" / "x").mkdir(parents=True)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "x-1.whl").write_bytes(b"")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key.pem").write_bytes(b"")
    page = '<a href="../../files/x-1.whl#sha256=0">x</a><a href="../../secrets/key.pem">k</a><a href="http://h/y.whl">'
    (tmp_path / "simple" / "x" / "index.html").write_text(page)
    assert files_of(tmp_path / "simple", DEFAULT) == {str(tmp_path / "files")}


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(ecosystem="npm", name="--registry=http://x"),
        Wanted(ecosystem="npm", name="../x"),
        Wanted(ecosystem="npm", name="http://x.example/x.tgz"),
        Wanted(ecosystem="npm", name="x", version="npm:other@1"),
        Wanted(ecosystem="npm", name="x", version="git+ssh://x"),
        Wanted(ecosystem="npm", name="x\n"),
        Wanted(ecosystem="pypi", name="-r"),
        Wanted(ecosystem="pypi", name="x[extra]"),
        Wanted(ecosystem="pypi", name="x", version=" @ https://x.example/x.whl"),
        Wanted(ecosystem="pypi", name="x", version="1;os"),
        Wanted(ecosystem="pypi", name="x", constraints=("--index-url http://x",)),
        Wanted(ecosystem="pypi", name="x", constraints=("a<2\nb @ file:///x",)),
    ],
)
def test_no_name_version_or_constraint_becomes_an_option_or_an_address(wanted):
    with pytest.raises(SandboxError, match="skipped"):
        check(wanted)


def test_usual_names_versions_and_ranges_pass():
    for name, version in [("@scope/x", "^1.2.0"), ("x", ">=1 <2 || 3.x"), ("x_y", "latest"), ("a.b", "1.0.0-rc.1+b")]:
        check(Wanted(ecosystem="npm", name=name, version=version))
    check(Wanted(ecosystem="pypi", name="a-b", version=">=1,!=1.5,<2", constraints=("mcp<2", "x==1.*")))


def test_versions_are_read_from_what_the_tools_print():
    wanted = Wanted(ecosystem="npm", name="x", version="^1")
    assert newest('"1.0.0"', wanted) == "1.0.0"
    assert newest('["1.0.0", "1.2.0"]', wanted) == "1.2.0"
    assert reported(json.dumps({"install": [{"metadata": {"version": "2.0"}}]}), wanted) == "2.0"
    for output in ("", "[]", "{}", "7", '"--x y/z"', '{"install": []}'):
        with pytest.raises(SandboxError, match="no version"):
            newest(output, wanted)
        with pytest.raises(SandboxError, match="no built version"):
            reported(output, wanted)


def npm_body(**dists: dict) -> bytes:
    versions = {v.replace("_", "."): {"dist": {"tarball": "https://x.test/a.tgz", **dist}} for v, dist in dists.items()}
    return json.dumps({"versions": versions}).encode()


SIGNED = {"signatures": [{"keyid": "SHA256:a", "sig": "b"}]}
ATTESTED = {**SIGNED, "attestations": {"url": "x", "provenance": {"predicateType": "https://slsa.dev/provenance/v1"}}}


@pytest.mark.mission("M1")
def test_a_registry_that_signs_says_which_versions_are_attested_signed_or_neither():
    vouched = npm_page(npm_body(_1=SIGNED, _2=ATTESTED, _3={}), "x").vouched
    assert [(vouched[v].provenance, vouched[v].signature) for v in (".1", ".2", ".3")] == [
        ("none", "present"),
        ("attested", "present"),
        ("none", "none"),
    ]


@pytest.mark.mission("M1")
def test_a_mirror_that_leaves_signatures_out_says_nothing():
    assert npm_page(npm_body(_1={}, _2={}), "x").vouched == {}


@pytest.mark.mission("M1")
def test_an_index_with_attestations_says_which_wheels_have_them():
    files = [
        {"filename": "my_x-1.0-py3-none-any.whl", "provenance": "https://x.test/p"},
        {"filename": "my_x-2.0-py3-none-any.whl", "provenance": None},
        {"filename": "my_x-3.0-py3-none-any.whl"},
        {"filename": "other-4.0-py3-none-any.whl", "provenance": None},
        {"filename": 5, "provenance": None},
    ]
    body = json.dumps({"files": files}).encode()
    found = pypi_vouched(body, "application/vnd.pypi.simple.v1+json", "my-x")
    assert {version: one.provenance for version, one in found.items()} == {"1.0": "attested", "2.0": "none"}
    assert pypi_vouched(body, "text/html", "my-x") == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"files": 5}', b'{"files": [5, null, {}]}'])
def test_pages_of_another_shape_vouch_for_nothing(body):
    assert pypi_vouched(body, "application/json", "x") == {}
