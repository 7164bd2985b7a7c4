"""The HTML page is inert whatever an attacker wrote into it, and says what it must."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.report.html import render
from bartizan.report.page import STYLE, TEMPLATE

Poisoned = Callable[[str], tuple[Inventory, list[Finding]]]

ELEMENTS = set(
    "html head meta title style body header h1 h2 h3 h4 p time dl dt dd div span strong bdi nav ul li a main section"
    " table caption thead tbody tr th td article details summary code footer".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name datetime class href id aria-label aria-labelledby role tabindex scope".split()
)
VOID = {"meta"}


class Page(HTMLParser):
    """Elements, attributes and text as a browser would take them; raises on what is not well nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.style = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:40]}")

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def assert_inert(text: str) -> None:
    page = Page(text)
    assert page.elements <= ELEMENTS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert all(re.fullmatch(r"#[a-z0-9\-]+", value) for name, value in page.attributes if name == "href")
    assert all(re.fullmatch(r"[a-z ]*", value) for name, value in page.attributes if name == "class")
    assert len(page.ids) == len(set(page.ids))
    assert {value[1:] for name, value in page.attributes if name == "href"} <= set(page.ids)
    unseen = {character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"}}
    assert unseen <= {"\n"}


def test_hostile_text_everywhere_leaves_the_page_inert(poisoned: Poisoned, hostile: str) -> None:
    text = render(*poisoned(hostile))
    assert_inert(text)
    assert "‹U+202E›evil‹U+2066›" in text
    assert "‹U+E0041›‹U+E0042›" in text
    assert "{{ 7*7 }} {% raw %}" in Page(text).words


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("<>\"'&=/ -!sScriptonhref:;#{}%\u202e\x00\n\ud800") | st.characters(), max_size=60))
def test_any_text_leaves_the_page_inert(poisoned: Poisoned, text: str) -> None:
    assert_inert(render(*poisoned(text)))


def test_names_of_a_megabyte_are_cut_and_the_cut_is_told(poisoned: Poisoned) -> None:
    text = render(*poisoned("<" * 1_000_000))
    assert len(text) < 1_000_000
    assert "more characters)" in text
    assert_inert(text)


def test_the_policy_allows_its_own_style_and_nothing_else(inventory: Inventory, findings: list[Finding]) -> None:
    page = Page(render(inventory, findings))
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert ("content", policy) in page.attributes


def test_nothing_is_fetched_and_nothing_goes_round_the_escaping() -> None:
    assert not re.search(r"url\(|@import|https?:|src=|<link|<script|<img", STYLE + TEMPLATE)
    assert not re.search(r"\|\s*safe|Markup|autoescape", TEMPLATE)


def test_a_reader_finds_headline_servers_findings_and_gaps(inventory: Inventory, findings: list[Finding]) -> None:
    words = Page(render(inventory, findings)).words
    for expected in (
        "Coverage INCOMPLETE: 3 things not looked at. Nothing that is missing here counts as clean",
        "Findings: 1 high 1 medium 1 low",
        "Claude Desktop as gh (disabled)",
        "npm @example/server-github@1.2.3 pinned",
        "GITHUB_TOKEN is shared: told in full at weather .",
        "Mend it Move the value into a vault, then rotate it.",
        "Open an issue.",
        "skipped starting it was not consented to notes",
        "failed permission denied the machine /home/bob/.cursor/mcp.json",
    ):
        assert expected in words


def test_an_empty_estate_says_so(empty: Inventory) -> None:
    words = Page(render(empty, [])).words
    assert "No MCP server was found. Looked at: configuration, processes." in words
    assert "Coverage complete: 2 looks, nothing left out." in words


def test_no_record_of_a_look_is_never_clean(empty: Inventory) -> None:
    words = Page(render(Inventory(taken_at=empty.taken_at), [])).words
    assert "INCOMPLETE: no record says that anything was looked at." in words
    assert "none in what was looked at" in words


def test_equal_input_gives_equal_bytes(inventory: Inventory, findings: list[Finding]) -> None:
    assert render(inventory, findings) == render(inventory, findings)


def test_many_findings_are_cut_and_the_cut_is_told(inventory: Inventory, findings: list[Finding]) -> None:
    text = render(inventory, findings[1:2] * 1_000)
    assert text.count('<section class="finding">') == 200
    assert "And 800 more; the JSON report has them all." in text


@pytest.mark.parametrize("pair", [("#5b6068", "#fbfaf7"), ("#1d1f22", "#ffffff"), ("#5c3a00", "#fff1cf"),
                                  ("#1c6b3a", "#ffffff"), ("#a3a8af", "#1d2125"), ("#ffe2a6", "#3a2c0c"),
                                  ("#7fd6a0", "#1d2125"), ("#8fc7d9", "#15181b"), ("#ffffff", "#b3261e"),
                                  ("#ffffff", "#7a0012"), ("#241a00", "#f2b632"), ("#0f3040", "#cfe3ee"),
                                  ("#2b2b2b", "#e4e4e4"), ("#1f4e5f", "#fbfaf7")])  # fmt: skip
def test_colours_have_the_contrast_that_reading_needs(pair: tuple[str, str]) -> None:
    assert all(colour in STYLE for colour in pair)
    lighter, darker = sorted((_luminance(colour) for colour in pair), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
