"""`bartizan suppress`: accept a finding until a day."""

import sys
from enum import StrEnum
from pathlib import Path

import typer

from bartizan.cli.session import ConfigOption, emit, opened
from bartizan.model.errors import UsageError


class Scope(StrEnum):
    """Values of --scope."""

    FINDING = "finding"
    TOOL = "tool"
    SERVER = "server"
    RULE = "rule"


def suppress(
    finding: str = typer.Argument(metavar="FINDING", help="The id of a finding of a newest scan, or its beginning."),
    reason: str = typer.Option(..., "--reason", metavar="TEXT", help="Why it is accepted."),
    until: str = typer.Option(..., "--until", metavar="DATE", help="The last day: 2026-12-31, or 90d for in 90 days."),
    author: str = typer.Option("", "--author", metavar="NAME", help="Who decides. By default this process's user."),
    file: Path | None = typer.Option(
        None, "--file", dir_okay=False, help="The file to add it to. By default the first that a scan reads."
    ),
    scope: Scope = typer.Option(
        Scope.FINDING,
        "--scope",
        help="This finding as it is now; or its rule on the tool, the server, or everywhere, whatever changes there.",
    ),
    config: Path | None = ConfigOption,
) -> None:
    """Accept a finding until a day: it no longer fails a scan, and every report says that it is there.

    The entry is added to a file of suppressions, which is made to be reviewed. It holds one finding as it is now: when
    the definition or the fact changes, the finding counts again.
    """
    from bartizan.app.suppress import Reach, already, kept_finding, last_day, suppression_of, this_user
    from bartizan.app.suppressions import add_suppression, read_existing, suppression_files

    with opened(config) as (settings, parts):
        today = parts.clock.now().date()
        files = suppression_files(settings, config)
        kept = kept_finding(parts.store, finding)
    target = file or files[0]
    one = suppression_of(
        kept, Reach(scope.value), reason=reason, author=author or this_user(), until=last_day(until, today), today=today
    )
    if held := already(one, kept, read_existing(dict.fromkeys([*files, target]), today), today):
        raise UsageError(
            f"{kept.finding.id} is already accepted until {held.until}: {held.reason}",
            remedy="change that entry where it stands",
        )
    text, line = add_suppression(target, one, today)
    emit(text, None)
    last_line = line + text.count("\n") - 1
    sys.stderr.write(f"Added to {target}. To undo it, delete lines {line} to {last_line}.\n")
    if target.absolute() not in [path.absolute() for path in files]:
        sys.stderr.write(
            f"Scans read {', '.join(map(str, files))}: name the file under `suppressions` in bartizan.yml.\n"
        )
