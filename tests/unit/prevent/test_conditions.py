"""Conditions: what holds, and that whatever cannot be worked out denies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.prevent.conditions import Condition, host, inside, sql_verbs


def holds(source, **args):
    return not Condition(source).holds({"args": args, "principal": {"id": "a", "claims": {}}, "tool": "t"})


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ("args.n <= 100", {"n": 100}),
        ('inside(args.path, "/srv/data")', {"path": "/srv/data/a/b.txt"}),
        ('host(args.url) in ["api.example.com"]', {"url": "https://API.example.com:443/x"}),
        ('sql_verbs(args.q).all(v, v in ["select", "with"])', {"q": "with a as (select 1) select 'drop' -- x"}),
        ('has(args.a) && args.a.startsWith("x") && size(args.l) < 3', {"a": "xy", "l": [1, 2]}),
        ('principal.id == "a" && tool == "t"', {}),
    ],
)  # fmt: skip
def test_it_holds(source, arguments):
    assert holds(source, **arguments)


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ("args.n <= 100", {"n": 101}),
        ("args.n <= 100", {"n": 2**70}),
        ("args.n <= 100", {"n": "1"}),
        ("args.n <= 100", {"n": float("nan")}),
        ("args.n <= 100", {}),
        ("args.n / args.m == 1", {"n": 1, "m": 0}),
        ("args.s.matches(args.r)", {"s": "a", "r": "("}),
        ("!(args.s.matches(args.r))", {"s": "a", "r": "("}),
        ('!inside(args.path, "/etc")', {"path": 7}),
        ('host(args.url) != "evil.example"', {"url": "https://good@evil.example"}),
        ('host(args.url) != "evil.example" || true', {"url": "\x00"}),
        ('!("drop" in sql_verbs(args.q))', {"q": "select $$a$$; drop table x"}),
        ("args.n", {"n": "true"}),
        ("args.n", {"n": 1}),
        ('args.s == "x"', {"s": "\ud800"}),
        ("args.l.all(x, args.l.exists(y, y == x))", {"l": list(range(20_000))}),
        ("principal.claims.nothing", {}),
    ],
)
def test_it_does_not_hold_or_cannot_be_worked_out(source, arguments, capsys):
    assert not holds(source, **arguments)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("args.x ==", "parse"),
        ("arg.x == 1", "arg: not known here"),
        ("open(args.x)", "no function open"),
        ("x == 1 && [1].all(y, y == 1)", "x: not known here"),
        ("args.x == 1 && " * 200 + "true", "longer than 2000"),
    ],
)
def test_a_mistake_is_told_when_it_is_read(source, told):
    with pytest.raises(ValueError, match=told):
        Condition(source)


@pytest.mark.parametrize(
    "path",
    ["/srv/../etc", "/srv/./x", "srv/x", "/srvx", "/srv/%2e%2e/etc", "/srv\\..\\x", "/srv/\0", "", "~/srv", "/srv/..",
     "//etc"],
)  # fmt: skip
def test_a_path_that_may_lead_out_is_not_inside(path):
    assert not inside(path, "/srv")


@pytest.mark.parametrize(
    "url",
    ["example.com", "https://a@b", "https://ex%61mple.com", "http://a\\@b", "https://ехample.com", "//a", "https://",
     "http://a b",      "http://[::1", "http://a:99999999"],
)  # fmt: skip
def test_a_url_that_readers_take_differently_has_no_host(url):
    with pytest.raises(ValueError, match=r".+"):
        host(url)


@pytest.mark.parametrize(
    ("statement", "verbs"),
    [
        ("SELECT a FROM b WHERE c = 'it''s; drop'", ["select"]),
        ("select 1; DROP TABLE x", ["select", "drop"]),
        ("select 1 /* drop */ -- delete\n, 2", ["select"]),
        ("select 1--1; drop table x", ["select", "drop"]),
        ("select 1 -- a\rdrop table x", ["select", "drop"]),
        ('insert into "update" values (1)', ["insert", "into"]),
        ("with x as (delete from y returning *) select * from x", ["with", "delete", "select"]),
    ],
)
def test_the_verbs_of_sql_are_found_wherever_they_stand(statement, verbs):
    assert sql_verbs(statement) == verbs


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a\\'; drop table x; --'",
        "select $$;$$",
        "select 1 # drop",
        "/*! drop table x */",
        "/* a /* b */ drop */",
        "select 'open",
        "select [a'b]; drop table x --'",
        "x" * 70_000,
    ],
)
def test_sql_that_dialects_read_differently_has_no_verbs(statement):
    with pytest.raises(ValueError, match=r"dialects|longer"):
        sql_verbs(statement)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_whatever_an_argument_is_nothing_is_raised_and_only_the_right_text_passes(value):
    assert holds('args.owner == "acme"', owner=value) is (value == "acme")
    assert holds('inside(args.owner, "/srv")', owner=value) is (isinstance(value, str) and inside(value, "/srv"))
