"""`bartizan enforce`: a vendor's managed allow-list of the entries that lead to the gateway."""

import sys
from pathlib import Path

import typer

from bartizan.cli.session import OutputOption, emit


def enforce(
    emit_for: str = typer.Option(..., "--emit", metavar="VENDOR", help="claude-code, copilot, codex or cline."),
    output: Path | None = OutputOption,
) -> None:
    """Write the managed settings with which a client admits only what `wrap` put behind the gateway.

    An administrator puts the file where the vendor's client reads it; where that is, and what the form does not keep
    out, is told beside it.
    """
    from bartizan.app.enforce import enforce as run

    made = run(emit_for)
    emit(made.text, output)
    sys.stderr.write(f"Place: {made.place}\nNote: {made.note}\n")
