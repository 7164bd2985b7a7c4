"""Log sources: which events a rule is asked about, and where its fields stand."""

import pytest

from bartizan.app.rules import log_sources
from bartizan.model.errors import ContentError
from bartizan.rules.fields import LogSource, lies_in, load_log_sources, split

MAP = """\
- product: shop
  service: web
  also: [{product: shop, service: app}]
  kinds: [shop]
  classes: [3002, 6003]
  where: {metadata.log_name: shop, unmapped.a\\.b: [x, y]}
  fields:
    action: api.operation
    user: [actor.user.name, actor.user.uid]
    who.*: actor.user.*
    who.boss.*: actor.manager.*
- product: till
  any_case: true
  fields: {Action: api.operation}
"""


def paths(log: LogSource, name: str) -> list[str]:
    return ["/".join(path) for path in load_log_sources({"m.yml": MAP}).source(log).field(name).paths]


SHOP = LogSource(product="shop", service="app")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("action", ["api/operation", "unmapped/action"]),
        ("Action", ["unmapped/Action"]),
        ("user", ["actor/user/name", "actor/user/uid", "unmapped/user"]),
        ("who.name", ["actor/user/name", "unmapped/who/name", "unmapped/who.name"]),
        ("who.boss.a.b", ["actor/manager/a/b", "unmapped/who/boss/a/b", "unmapped/who.boss.a.b"]),
        ("other", ["unmapped/other"]),
    ],
)
def test_a_field_stands_where_the_map_says_and_then_below_unmapped(name: str, told: list[str]):
    assert paths(SHOP, name) == told


def test_names_of_a_log_source_in_any_case_are_found():
    till = load_log_sources({"m.yml": MAP}).source(LogSource(product="Till"))
    assert till.field("aCtIoN").paths[0] == ("api", "operation")
    assert till.field("x").any_case


def test_a_selector_says_which_events_are_meant():
    selector = load_log_sources({"m.yml": MAP}).source(SHOP).selector
    assert (selector.kinds, selector.classes, selector.log) == ({"shop"}, {3002, 6003}, ("shop", "", "app"))
    assert selector.where == {("metadata", "log_name"): ("shop",), ("unmapped", "a.b"): ("x", "y")}


def test_a_log_source_without_an_entry_is_that_of_a_source_of_kind_json():
    source = load_log_sources({"m.yml": MAP}).source(LogSource(product="nobody"))
    assert (source.known, source.selector.kinds) == (False, {"json"})


def test_a_log_source_lies_in_those_that_say_less():
    assert lies_in(("linux", "", "sshd"), ("linux", "", ""))
    assert not lies_in(("linux", "", ""), ("linux", "", "sshd"))
    assert split(r"a.b\.c.d") == ("a", "b.c", "d")


def test_mistakes_of_the_map_are_told_with_their_lines():
    text = "- product: a\n  clases: [1]\n- product: b\n- product: b\n- product: c\n  classes: x\n"
    with pytest.raises(ContentError) as caught:
        load_log_sources({"m.yml": text})
    assert [place.line for place, _ in caught.value.mistakes] == [2, 6]
    with pytest.raises(ContentError, match=r"m.yml:2: the log source b// twice"):
        load_log_sources({"m.yml": "- product: b\n- product: b\n"})


def test_the_map_that_ships_is_without_mistakes_and_its_paths_are_no_names():
    found = log_sources().all()
    assert len(found) > 30
    assert all(source.selector.kinds or source.selector.classes for source in found)
