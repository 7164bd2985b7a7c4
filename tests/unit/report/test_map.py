"""The threat map in its four formats."""

import json
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.graph.controls import Control
from bartizan.graph.cuts import Cut
from bartizan.graph.minimum import MinimumCut
from bartizan.graph.paths import Path
from bartizan.graph.questions import MapAnswer, MapEdge, MapNode, answer
from bartizan.graph.totals import Totals
from bartizan.model.asset import AssetKind, Basis, EdgeKind
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.report.map import MAP_FORMATS, quoted, render_map, render_map_dot, render_map_json
from bartizan.report.map_html import BOXES_MAX, draw, render_map_html
from bartizan.report.map_words import Names, question
from bartizan.report.schemas import map_schema

Poisoned = Callable[[str], tuple[Inventory, list[Finding]]]
CURSOR, GITHUB = "client:cursor", "server:1111"
TOKEN = "credential:hmac-sha256:0123456789abcdef0123456789abcdef"


@pytest.fixture
def way() -> MapAnswer:
    """How Cursor reaches the token: over one server, once seen in use."""
    nodes = ((CURSOR, AssetKind.CLIENT, "Cursor", 0), (GITHUB, AssetKind.SERVER, "github", 1),
             (TOKEN, AssetKind.CREDENTIAL, "GITHUB_TOKEN", 2))  # fmt: skip
    take = Control(deed="take the credential out of its environment", source=GITHUB, target=TOKEN, edge=EdgeKind.HOLDS)
    revoke = Control(deed="revoke the credential", asset=TOKEN)
    return MapAnswer(
        start=CURSOR,
        end=TOKEN,
        nodes=tuple(MapNode(id=i, kind=k, name=n, depth=d, basis=Basis.OBSERVED) for i, k, n, d in nodes),
        edges=(
            MapEdge(source=CURSOR, target=GITHUB, kind=EdgeKind.CONFIGURES, basis=Basis.OBSERVED),
            MapEdge(source=GITHUB, target=TOKEN, kind=EdgeKind.HOLDS, basis=Basis.POTENTIAL),
        ),
        paths=(
            Path(assets=(CURSOR, GITHUB, TOKEN), edges=(EdgeKind.CONFIGURES, EdgeKind.HOLDS), basis=Basis.POTENTIAL),
        ),
        sources=1,
        targets=1,
        cuts=(
            Cut(control=take, cut=1, reachable=1, score=5),
            Cut(control=revoke, cut=1, reachable=1, score=5, at_end=True),
        ),
        minimum=MinimumCut(controls=(take,)),
        totals=Totals(observed=1, potential=1, by_kind={"server": 1, "credential": 1}),
    )


def test_the_map_reads_as_question_controls_ways_and_distances(way: MapAnswer, complete: Inventory) -> None:
    assert (
        render_map(way, complete, width=80, colour=False)
        == """\
Bartizan map  2026-11-20T09:30:00Z

Question    How does Cursor reach github-pat GITHUB_TOKEN?
Answer      1 server, 1 credential
Known by    1 observed in use, 1 only possible
Coverage    complete: 3 looks, nothing left out

Single controls, the best first ────────────────────────────────────────────────
  1 of 1      take the credential out of its environment: github → github-pat
              GITHUB_TOKEN
  1 of 1      revoke the credential: github-pat GITHUB_TOKEN (an end itself)

The fewest controls that close every way ───────────────────────────────────────
  take the credential out of its environment: github → github-pat GITHUB_TOKEN

Ways (1) ───────────────────────────────────────────────────────────────────────
  Cursor ─configures→ github ─holds→ github-pat GITHUB_TOKEN possible

By distance ────────────────────────────────────────────────────────────────────
  start       client Cursor
  1 step      server github
  2 steps     credential GITHUB_TOKEN
"""
    )


def test_no_way_in_an_incomplete_inventory_is_not_a_clean_answer(way: MapAnswer, inventory: Inventory) -> None:
    found = MapAnswer(start=CURSOR, end="", nodes=way.nodes[:1], edges=(), paths=(), sources=1, targets=1, cuts=(),
                      totals=Totals())  # fmt: skip
    assert "Ways (0)" in render_map(found, inventory, width=80, colour=False)
    assert "INCOMPLETE: 3 things not looked at\n" in render_map(found, inventory, width=80, colour=False)
    assert "INCOMPLETE" in render_map_dot(found, inventory)
    assert "INCOMPLETE" in render_map_html(found, inventory)
    assert json.loads(render_map_json(found, inventory))["complete"] is False


@pytest.mark.parametrize(
    ("start", "end", "asked"),
    [
        (CURSOR, None, "What does Cursor reach?"),
        (None, TOKEN, "What can reach github-pat GITHUB_TOKEN?"),
        (CURSOR, TOKEN, "How does Cursor reach github-pat GITHUB_TOKEN?"),
        (None, None, "What do people and untrusted servers reach of what is worth having?"),
    ],
)
def test_the_answer_says_what_was_asked(start: str | None, end: str | None, asked: str, inventory: Inventory) -> None:
    found = answer(inventory, start, end)
    assert question(found, Names(inventory)) == asked
    for text in (render_map_html(found, inventory), render_map_dot(found, inventory)):
        assert asked in text


def test_the_json_obeys_its_schema(way: MapAnswer, inventory: Inventory) -> None:
    document = json.loads(render_map_json(way, inventory))
    jsonschema.Draft202012Validator(map_schema()).validate(document)
    assert document["format"] == "bartizan-map/1"
    assert not jsonschema.Draft202012Validator(map_schema()).is_valid({**document, "format": "other"})


def test_dot_tells_seen_from_possible(way: MapAnswer, complete: Inventory) -> None:
    text = render_map_dot(way, complete)
    assert 'n0 -> n1 [label="configures", style=solid];' in text
    assert 'n1 -> n2 [label="holds", style=dashed];' in text
    assert 'n2 [label="credential\\nGITHUB_TOKEN", shape=note];' in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('"]; evil [label="', r'"\"]; evil [label=\""'),
        ("\\N\\G", r'"\\N\\G"'),
        ("&#8238;x", '"&amp;#8238;x"'),
        ("\u202ex", '"‹U+202E›x"'),
    ],
)
def test_a_name_stays_inside_its_dot_string(name: str, shown: str) -> None:
    assert quoted(name) == shown


def test_a_question_asked_backward_is_drawn_in_the_direction_of_use(way: MapAnswer) -> None:
    nodes = tuple(msgspec.structs.replace(node, depth=2 - node.depth) for node in reversed(way.nodes))
    asked = msgspec.structs.replace(way, start="", end="", nodes=nodes)
    boxes = {box.node.id: box.x for box in draw(asked).boxes}
    assert boxes[CURSOR] < boxes[GITHUB] < boxes[TOKEN]


def test_a_picture_too_full_says_what_it_leaves_out(way: MapAnswer, inventory: Inventory) -> None:
    many = tuple(
        MapNode(id=f"tool:{n}", kind=AssetKind.TOOL, name=f"t{n}", depth=1, basis=Basis.OBSERVED) for n in range(500)
    )
    crowd = MapAnswer(start=CURSOR, end="", nodes=many, edges=(), paths=(), sources=1, targets=1, cuts=(),
                      totals=way.totals, omitted_nodes=7)  # fmt: skip
    assert len(draw(crowd).boxes) == BOXES_MAX
    assert "387 more assets are not in the picture" in render_map_html(crowd, inventory)


ELEMENTS = set(
    "html head meta title style body header h1 h2 p time dl dt dd div strong bdi ul li main section table thead tbody"
    " tr th td footer svg g rect text path span".split()
)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.names: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:40]}")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("<>\"'&=/ -!sScript;{}%\\\u202e\x00\n\ud800") | st.characters(), max_size=60))
def test_hostile_names_stay_inert_in_every_format(poisoned: Poisoned, way: MapAnswer, hostile: str, text: str) -> None:
    for name in (text, hostile):
        inventory, _ = poisoned(name)
        nodes = tuple(msgspec.structs.replace(node, name=name) for node in way.nodes)
        found = msgspec.structs.replace(way, nodes=nodes, minimum=MinimumCut(problem=name))
        page = Page(render_map_html(found, inventory))
        assert page.elements <= ELEMENTS
        assert not {one for one in page.names if one.startswith("on") or one in {"href", "src", "style"}}
        formats = [render(found, inventory) for render in MAP_FORMATS.values()]
        for shown in (*formats, render_map(found, inventory, width=80, colour=False)):
            assert {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co"}} <= {"\n"}
        for line in render_map_dot(found, inventory).splitlines():
            assert re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count('"') == 0
        jsonschema.Draft202012Validator(map_schema()).validate(json.loads(render_map_json(found, inventory)))
