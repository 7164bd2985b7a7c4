"""What differs from the last scan is told in every report for people."""

import msgspec

from bartizan.model.asset import AssetKind
from bartizan.model.change import Alteration, Change
from bartizan.model.inventory import Inventory
from bartizan.report import html
from bartizan.report.table import render_table

CHANGES = (
    Change(alteration=Alteration.GONE, asset="server:1", kind=AssetKind.SERVER, name="old"),
    Change(
        alteration=Alteration.CHANGED,
        asset="document:1",
        kind=AssetKind.DOCUMENT,
        name="CLAUDE\u200b.md",
        what="sha256",
        before="aa",
        after="bb",
    ),
)


def test_a_changed_document_stands_before_what_is_gone_and_its_name_shows_what_is_invisible(
    inventory: Inventory,
) -> None:
    text = render_table(msgspec.structs.replace(inventory, changes=CHANGES), [], width=100, colour=False)
    section = text.split("Changed since the last scan (2)")[1]
    assert section.index("CLAUDE‹U+200B›.md (sha256)") < section.index("old")
    assert "\u200b" not in text


def test_without_changes_there_is_no_such_section(inventory: Inventory) -> None:
    assert "Changed since" not in render_table(inventory, [], width=100, colour=False)
    assert "Changed since" not in html.render(inventory, [])


def test_the_page_tells_the_changes_too(inventory: Inventory) -> None:
    page = html.render(msgspec.structs.replace(inventory, changes=CHANGES), [])
    assert "Changed since the last scan" in page
    assert "\u200b" not in page
