"""Which format shows what; data that is empty stays empty."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bartizan.cli.formats import check_format, render
from bartizan.cli.session import emit
from bartizan.model.errors import UsageError
from bartizan.model.inventory import Inventory

NOTHING = Inventory(taken_at=datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize("name", ["sarif", "ocsf"])
def test_an_inventory_that_nobody_judged_is_not_shown_as_one_without_findings(name: str) -> None:
    for refused in (lambda: check_format(name, judged=False), lambda: render(name, NOTHING, None)):
        with pytest.raises(UsageError, match=f"bartizan scan --format {name}"):
            refused()
    check_format(name)


@pytest.mark.parametrize("name", ["json", "html", "cyclonedx", "cyclonedx-1.6"])
def test_the_other_formats_show_an_inventory(name: str) -> None:
    check_format(name, judged=False)
    assert render(name, NOTHING, None)


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"cyclonedx, cyclonedx-1\.6, html, json, ocsf, sarif, table"):
        check_format("xml")


@pytest.mark.parametrize(("text", "written"), [("", ""), ("{}", "{}\n"), ("{}\n", "{}\n")])
def test_no_events_are_no_lines_and_everything_else_ends_with_one(
    text: str, written: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    emit(text, None)
    emit(text, tmp_path / "out")
    assert capsys.readouterr().out == written
    assert (tmp_path / "out").read_text() == written
