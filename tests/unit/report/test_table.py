"""The terminal report as transcripts: what stands there is what a person reads."""

import unicodedata
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.coverage import Look, Outcome
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.report.table import render, render_inventory_table, render_table

Poisoned = Callable[[str], tuple[Inventory, list[Finding]]]

GITHUB_CARD = """\
github                                                     1 finding, worst HIGH
  clients     Claude Desktop as gh (disabled), Cursor
  transport   stdio, MCP 2025-11-25
  launch      npx -y @example/server-github@1.2.3
  package     npm @example/server-github@1.2.3, pinned, by npx
  given       GITHUB_TOKEN
  where       /home/ada/.cursor/mcp.json:12
  state       not behind the gateway
  holds       github-pat GITHUB_TOKEN hmac-sha256:01234567
  offers      1 tool, 0 prompts, 0 resources
  looked at   start, tools, prompts
  HIGH        Secret in configuration  F-6fe0d933b641b0c5
              GITHUB_TOKEN is shared: told above at weather
"""


def test_a_server_is_told_in_one_block_at_eighty_columns(inventory: Inventory, findings: list[Finding]) -> None:
    assert GITHUB_CARD in render_table(inventory, findings, width=80, colour=False)


def test_the_headline_counts_and_says_incomplete(inventory: Inventory, findings: list[Finding]) -> None:
    lines = render_table(inventory, findings, width=80, colour=False).splitlines()
    assert lines[:7] == [
        "Bartizan  2026-11-20T09:30:00Z",
        "",
        "Estate      3 servers in 2 clients",
        "            1 tool, 1 credential, 1 agent, 1 document, 1 running instance",
        "Findings    0 critical, 1 high, 1 medium, 1 low, 0 informational",
        "            to accept one: bartizan suppress ID --reason TEXT --until DATE",
        "Coverage    INCOMPLETE: 3 things not looked at, listed at the end",
    ]


def test_what_was_not_looked_at_ends_the_report_with_its_reasons(inventory: Inventory, findings: list[Finding]) -> None:
    text = render_table(inventory, findings, width=80, colour=False)
    _, _, end = text.partition("NOT LOOKED AT (3)")
    assert "SKIPPED     start: starting it was not consented to\n              1 subject: notes\n" in end
    assert "FAILED      configuration: permission denied\n              /home/bob/.cursor/mcp.json\n" in end
    assert end.endswith("This result is incomplete. Nothing that is missing from it counts as clean.\n")


def test_a_server_that_hides_its_tools_shows_a_question_mark_not_a_nought(inventory: Inventory) -> None:
    assert "offers      ? tools, ? prompts, ? resources" in render_inventory_table(inventory, width=80, colour=False)


def test_an_empty_estate_says_so_and_what_was_looked_at(empty: Inventory) -> None:
    text = render(empty, [])
    assert "No MCP server was found. Looked at: configuration, processes." in text
    assert text.endswith("complete: 2 looks, nothing left out\n")


def test_an_inventory_without_any_look_never_reads_as_clean(empty: Inventory) -> None:
    text = render(Inventory(taken_at=empty.taken_at), [])
    assert "no record says that anybody looked" in text
    assert "INCOMPLETE" in text
    assert "complete:" not in text


def test_a_server_that_nobody_looked_at_is_told_apart_from_a_clean_one(complete: Inventory) -> None:
    stranger = Asset(id="server:9999", kind=AssetKind.SERVER, name="stranger")
    inventory = Inventory(taken_at=complete.taken_at, assets=(*complete.assets, stranger), looks=complete.looks)
    overview, block = render_table(inventory, [], width=80, colour=False).split("stranger")[1:3]
    assert "not asked" in overview.split("\n", 1)[0]
    assert "no record that anybody looked" in block.split("\n\n", 1)[0]
    assert "no findings" not in block.split("\n\n", 1)[0]


def test_a_remedy_is_told_once_where_findings_share_it(inventory: Inventory, findings: list[Finding]) -> None:
    again = msgspec.structs.replace(findings[1], id="F-again")
    text = render_table(inventory, [findings[1], again], width=80, colour=False)
    assert text.count("mend it: Use https.") == 1
    assert text.count("weather is reached over http") == 2


def test_servers_that_discovery_does_not_ask_are_said_to_be_unasked_and_nothing_is_claimed(complete: Inventory) -> None:
    silent = Inventory(
        taken_at=complete.taken_at, assets=complete.assets, looks=(Look(part="x", outcome=Outcome.LOOKED),)
    )
    text = render_inventory_table(silent, width=80, colour=False)
    assert text.count("offers      not asked; `bartizan scan` asks") == 3
    assert text.endswith("complete as far as it went; 3 servers not asked what they offer\n")
    assert "nothing left out" not in text


def test_findings_on_no_server_are_listed_beyond_the_servers(inventory: Inventory, findings: list[Finding]) -> None:
    _, _, rest = render(inventory, findings).partition("Findings beyond the servers (1)")
    assert "at /home/ada/.vscode/mcp.json:3:7" in rest


@pytest.mark.parametrize("width", [80, 120])
def test_every_line_fits_the_width(poisoned: Poisoned, findings: list[Finding], hostile: str, width: int) -> None:
    for text in (hostile, "plain"):
        lines = render_table(*poisoned(text), width=width, colour=False).splitlines()
        assert max(len(line) for line in lines) <= width


def test_hostile_text_prints_as_code_points_and_never_as_markup(poisoned: Poisoned, hostile: str) -> None:
    text = render_table(*poisoned(hostile), width=200, colour=False)
    assert "‹U+202E›" in text
    assert "‹U+E0041›" in text
    assert "‹U+001B›" in text
    assert "[red]markup[/red] :bomb:" in text.replace("\n", "")
    assert _unseen(text) == set()


def test_colour_adds_only_our_own_escapes(poisoned: Poisoned, inventory: Inventory, findings: list[Finding]) -> None:
    coloured = render_table(inventory, findings, width=80, colour=True)
    assert "\x1b[1;31mHIGH" in coloured
    assert "\x1b]" not in render_table(*poisoned("\x1b]8;;http://evil\x07click\x1b[2J"), width=80, colour=True)
    assert "\x1b[2J" not in render_table(*poisoned("\x1b]8;;http://evil\x07click\x1b[2J"), width=80, colour=True)


def test_a_name_of_a_megabyte_is_cut_and_the_cut_is_told(poisoned: Poisoned) -> None:
    text = render(*poisoned("A" * 1_000_000))
    assert len(text) < 200_000
    assert "more characters)" in text.replace("\n", "")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=[]), max_size=40))
def test_no_text_whatever_reaches_the_terminal_unseen(poisoned: Poisoned, text: str) -> None:
    assert _unseen(render(*poisoned(text))) == set()


def _unseen(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"}} - {"\n"}
