"""The part of the terminal report that says what is accepted, what is so no longer, and how to accept a finding."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.text import Text

from bartizan.model.suppression import Exceptions
from bartizan.report.summary import Summary
from bartizan.report.terminal import BAD, WEAK, capped, name
from bartizan.report.words import counted

_FEW = 4
HOW = "bartizan suppress ID --reason TEXT --until DATE"


def exceptions_rows(summary: Summary, exceptions: Exceptions) -> Iterable[tuple[str, RenderableType]]:
    """Rows for the head of the report; none where there is nothing to say."""
    if summary.findings_total:
        yield "", Text.assemble(("to accept one: ", WEAK), (HOW, WEAK))
    if held := exceptions.suppressed:
        days = sorted({one.suppression.until for one in held})
        until = f"expires {days[0]}" if len(days) == 1 else f"expire {days[0]} to {days[-1]}"
        ids = [name(one.finding.id) for one in held]
        listed = Text.assemble(": ", capped(ids, _FEW)) if len(ids) <= _FEW else Text("; the JSON report has them all")
        yield "Suppressed", Text.assemble(f"{len(held)} ({until})", listed)
    for past in exceptions.expired:
        again = Text.assemble("; counts again: ", capped([name(one) for one in past.findings], _FEW))
        told = f"the suppression of {past.suppression.called} ended with {past.suppression.until}"
        yield "Expired", Text.assemble(name(told), again if past.findings else "", style=BAD if past.findings else WEAK)
    if unused := exceptions.unused:
        yield "Unused", Text(f"{counted(len(unused), 'suppression')} matched nothing in this scan", WEAK)
