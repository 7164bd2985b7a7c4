"""`bartizan normalize`: raw records of a source to OCSF JSON lines."""

import sys
from pathlib import Path

import typer

from bartizan.cli.progress import Progress
from bartizan.model.errors import Place, UsageError
from bartizan.model.limits import DEFAULT

_INCOMPLETE = 3


def normalize(
    file: Path | None = typer.Argument(None, metavar="[FILE]", help="Plain or .gz; standard input without it."),
    source: str = typer.Option(..., "--source", metavar="KIND", help="What wrote the records, such as cloudtrail."),
) -> None:
    """Write raw records of an audit log as OCSF 1.8 events, one JSON line each; a request and its response are one.

    Secrets and session tokens are not written. What no parser understands is counted and shown on standard error with
    its line and the reason; the rest goes on, and the exit code is 3. The kinds are on the page `sources.md`.
    """
    import msgspec

    from bartizan.app import normalize as app
    from bartizan.model.source_event import SourceEvent

    try:
        opened = file.open("rb") if file else sys.stdin.buffer
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=Place(path=str(file))) from None
    progress, unparsed, encode = Progress("records read"), 0, msgspec.json.Encoder().encode
    with opened:
        for one in app.normalize(opened, source):
            progress.step()
            if isinstance(one, SourceEvent):
                sys.stdout.write(encode(one.record).decode() + "\n")
                continue
            unparsed += 1
            if unparsed <= DEFAULT.unparsed_shown_max:
                progress.note(_told(one.at, one.reason, one.begin))
    sys.stdout.flush()
    progress.clear()
    if unparsed:
        progress.note(f"{unparsed} {'record' if unparsed == 1 else 'records'} not understood")
        raise typer.Exit(_INCOMPLETE)


def _told(at: int, reason: str, begin: str) -> str:
    """One line on a terminal, whatever the record holds."""
    from bartizan.text.normalise import show

    return f"line {at}: {show(reason, most=300)}" + (f": {show(begin, most=120)}" if begin else "")
