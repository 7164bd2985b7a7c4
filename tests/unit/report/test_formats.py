"""The formats come through the hook by which a plugin offers its own."""

import pytest

from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.plugins import manager
from bartizan.report import formats


@pytest.mark.mission("X3", "P8")
def test_every_format_renders_the_same_report_twice_alike(inventory: Inventory, findings: list[Finding]) -> None:
    (renderers,) = manager([formats]).hook.bartizan_renderers()
    assert list(renderers) == ["table", "json", "html", "sarif", "ocsf", "cyclonedx", "cyclonedx-1.6"]
    for render in renderers.values():
        assert render(inventory, findings) == render(inventory, findings)


@pytest.mark.mission("X2")
def test_every_format_shows_that_something_was_not_looked_at(inventory: Inventory, complete: Inventory) -> None:
    (renderers,) = manager([formats]).hook.bartizan_renderers()
    for render in renderers.values():
        for reason in ("the server wants a token", "starting it was not consented to", "permission denied"):
            assert reason in render(inventory, [])
        assert "incomplete" not in render(complete, []).lower()
