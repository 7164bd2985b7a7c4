"""Pages that are written from the code are current, and links lead somewhere."""

import re
from pathlib import Path

import pytest
from tools import checks_page, cli_page, clients_page, limits_page

from bartizan.model.asset import AssetKind, EdgeKind
from fixtures.examples import ROOT, pages

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def test_the_command_line_page_is_the_help():
    assert cli_page.PAGE.read_text(encoding="utf-8") == cli_page.render(), "run `make docs`"


def test_the_limits_page_is_the_code():
    assert limits_page.PAGE.read_text(encoding="utf-8") == limits_page.render(), "run `make docs`"


def test_the_clients_page_is_the_catalogue():
    assert clients_page.PAGE.read_text(encoding="utf-8") == clients_page.render(), "run `make docs`"


def test_the_checks_page_is_the_headers_of_the_rules():
    assert checks_page.PAGE.read_text(encoding="utf-8") == checks_page.render(), "run `make docs`"


def test_the_number_of_clients_that_is_told_is_that_of_the_catalogue():
    number = sum(client.id != clients_page.UNKNOWN for client in clients_page.read_catalogue())
    told = {
        page.name: re.findall(r"\b(\d+) clients\b", page.read_text(encoding="utf-8"))
        for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", clients_page.PAGE)
    }
    assert {name: set(found) for name, found in told.items()} == {name: {str(number)} for name in told}


def test_every_limit_is_on_the_limits_page():
    shown = re.findall(r"^\| `(\w+)` \|", limits_page.render(), re.MULTILINE)
    assert shown == list(type(limits_page.limits.DEFAULT).__struct_fields__)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_to_files(page: Path):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    local = [link.partition("#")[0] for link in LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_has_one_title_and_stands_first_in_it(page: Path):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    assert re.findall(r"^# ", text, re.MULTILINE) == ["# "]
    assert text.startswith(("# ", "<"))


def test_the_inventory_page_lists_every_kind_of_asset_and_edge():
    text = (ROOT / "docs" / "reference" / "inventory.md").read_text(encoding="utf-8")
    kinds = re.findall(r"^### `(\w+)`$", text, re.MULTILINE)
    assert kinds == [kind.value for kind in AssetKind]
    edges = re.findall(r"^\| `(\w+)` \| [a-z, ]+ \| ", text.partition("## Edges")[2], re.MULTILINE)
    assert edges == [edge.value for edge in EdgeKind]


def attribute_tables() -> dict[str, set[str]]:
    """Attribute names of the inventory page, by kind."""
    text = (ROOT / "docs" / "reference" / "inventory.md").read_text(encoding="utf-8").partition("## Edges")[0]
    sections = re.split(r"^### `(\w+)`$", text, flags=re.MULTILINE)[1:]
    return {
        kind: set(re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE))
        for kind, body in zip(sections[::2], sections[1::2], strict=True)
    }


def test_attributes_that_checks_judge_by_are_on_the_inventory_page():
    used: dict[str, set[str]] = {}
    for check in (ROOT / "src/bartizan/content/checks").rglob("check.py"):
        kind = re.search(r"^  judges: (\w+)", (check.parent / "rule.yml").read_text(encoding="utf-8"), re.MULTILINE)
        names = re.findall(r"subject\.attributes(?:\.get\(|\[)\"(\w+)\"", check.read_text(encoding="utf-8"))
        if kind and names:
            used.setdefault(kind[1], set()).update(names)
    assert used
    tables = attribute_tables()
    assert {kind: names - tables[kind] for kind, names in used.items() if names - tables[kind]} == {}
