"""`bartizan check`: definitions or texts as JSON lines, judged offline."""

import sys
from enum import StrEnum
from pathlib import Path

import typer

from bartizan.cli.progress import Progress
from bartizan.model.errors import Place, UsageError
from bartizan.model.finding import Severity


class Kind(StrEnum):
    """Values of --kind."""

    TOOL = "tool"
    TEXT = "text"


class Format(StrEnum):
    """Values of --format."""

    JSONL = "jsonl"
    TABLE = "table"


def check(
    file: Path | None = typer.Argument(None, metavar="[FILE]", help="JSON lines; standard input without it."),
    kind: Kind = typer.Option(Kind.TOOL, "--kind", help="What a line is: an MCP tool definition, or a text."),
    format: Format = typer.Option(Format.JSONL, "--format", help="jsonl, one line for one line, or a table."),
    fail_on: Severity = typer.Option(
        Severity.HIGH, "--fail-on", help="Exit with 1 for this or worse; high: malicious."
    ),
) -> None:
    """Judge tool definitions or texts, one JSON line each: clean, suspicious or malicious. No network, no state.

    `malicious` is what a gateway may refuse without asking, `suspicious` what a person should look at. A malformed line
    gives the verdict `error` with a reason, the rest goes on, and the exit code is 3.
    """
    import msgspec

    from bartizan.app import check as app
    from bartizan.app.bootstrap import load_judge
    from bartizan.text.normalise import show

    try:
        source = file.open("rb") if file else sys.stdin.buffer
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=Place(path=str(file))) from None
    broken, worst, progress = False, -1, Progress("lines judged")
    with source:
        for line in app.check(app.lines_of(source), kind.value, load_judge(), note=progress.note):
            progress.step()
            broken = broken or line.verdict == "error"
            worst = max(worst, line.severity.rank if line.severity else -1)
            if format is Format.JSONL:
                sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
            elif line.verdict != "clean":
                told = line.reason or "; ".join(
                    f"{one.rule} at {one.field}: {one.evidence}" for one in line.findings[:3]
                )
                sys.stdout.write(f"{line.index:>6}  {line.verdict:<10}  {line.score:.2f}  {show(told, most=300)}\n")
    sys.stdout.flush()
    progress.clear()
    raise typer.Exit(3 if broken else 1 if worst >= fail_on.rank else 0)
