"""Gaps: what was not looked at, in words, for formats that know findings only. There, silence would read as clean."""

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory
from bartizan.report.summary import unasked


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that nobody looked at. `subject` is empty for the machine as a whole, `text` is hostile.

    `outcome` is that of the look, or `unasked` where no record says that anybody tried.
    """

    subject: AssetId
    part: str
    outcome: str
    text: str
    place: Place | None = None

    @property
    def failed(self) -> bool:
        """Whether somebody tried and could not, rather than left it out."""
        return self.outcome == Outcome.FAILED


def gaps(inventory: Inventory) -> list[Gap]:
    """Every gap once: looks that are not complete, servers without a look, and a record of no looks at all."""
    if not inventory.looks:
        nothing = "Not looked at: no record says that anything was looked at"
        return [Gap(subject="", part="everything", outcome="unasked", text=nothing)]
    incomplete = [
        Gap(subject=look.subject, part=look.part, outcome=look.outcome, text=said(look), place=look.place)
        for look in inventory.incomplete
    ]
    never = "Not looked at: no record says that this server was asked what it offers"
    silent = [Gap(subject=one, part="start", outcome="unasked", text=never) for one in sorted(unasked(inventory))]
    return list(dict.fromkeys(incomplete + silent))


def said(look: Look) -> str:
    """What was not looked at, where, and why. Hostile text, as the reason is."""
    place = f" ({look.place})" if look.place else ""
    reason = f": {look.reason}" if look.reason else ""
    return f"Not looked at: {look.part}{place}, {look.outcome}{reason}"
