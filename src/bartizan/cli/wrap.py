"""`bartizan wrap` and `unwrap`: clients' servers go through the gateway, and come back byte for byte."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bartizan.cli.session import ConfigOption, emit, opened

if TYPE_CHECKING:
    from bartizan.app.wrap import Plan, Row

_ClientsArgument = typer.Argument(None, metavar="[CLIENT...]", help="Ids of clients; all of them without.")
_DryOption = typer.Option(False, "--dry-run", help="Show what would change, and change nothing.")
_INCOMPLETE = 3


def wrap(
    clients: list[str] = _ClientsArgument,
    home: Path | None = typer.Option(
        None,
        "--home",
        exists=True,
        file_okay=False,
        help="The home whose configurations are changed; your own without.",
    ),
    dry_run: bool = _DryOption,
    projects: bool = typer.Option(False, "--projects", help="Also files inside of projects, which others may share."),
    gateway: str = typer.Option(
        "", "--gateway", metavar="URL", help="The gateway as clients reach it; that of the configuration without."
    ),
    yes: bool = typer.Option(False, "--yes", help="Do it although no gateway answers: clients fail until one does."),
    config: Path | None = ConfigOption,
) -> None:
    """Put the servers of clients' configurations behind the gateway: each entry leads there, all else stays.

    `bartizan unwrap` gives the same bytes back. A server that only its client can start or reach stays as it is, and
    the exit code is 3. Restart clients afterwards: what runs is not changed by this.
    """
    from bartizan.app import wrap as app
    from bartizan.model.errors import UsageError

    with opened(config) as (settings, parts):
        url = gateway or app.gateway_address(settings)
        reserved = tuple(settings.gateway.servers) if settings.gateway else ()
        place = app.gateway_of(url)
        plan = app.plan_wrap(
            parts, place, home=home or Path.home(), clients=clients or (), projects=projects, reserved=reserved
        )
        if not dry_run and plan.changes and not yes and not app.gateway_answers(url):
            raise UsageError(
                f"no gateway answers at {url}, and until one does the clients reach none of these servers",
                remedy="start `bartizan gateway` first, look at --dry-run, or say --yes",
            )
    _carry_out(plan, dry_run=dry_run, done="Behind the gateway", would="To go behind the gateway")


def unwrap(
    clients: list[str] = _ClientsArgument,
    home: Path | None = typer.Option(
        None, "--home", exists=True, file_okay=False, help="Only configurations below DIR."
    ),
    dry_run: bool = _DryOption,
    config: Path | None = ConfigOption,
) -> None:
    """Take clients' servers back from behind the gateway: the same bytes, where nobody changed the file since.

    In a file that was changed since, the entries are put back and the change stays.
    """
    from bartizan.app import wrap as app

    with opened(config) as (_, parts):
        plan = app.plan_unwrap(parts, home=home.absolute() if home else None, clients=clients or ())
    _carry_out(plan, dry_run=dry_run, done="As before", would="To be as before")


def _carry_out(plan: "Plan", *, dry_run: bool, done: str, would: str) -> None:
    from bartizan.app import wrap as app

    carried, failed = (plan, ()) if dry_run else app.carry_out(plan)
    rows = [row for step in carried.steps for row in step.rows]
    left = [*(row for row in rows if row.left), *plan.left, *failed]
    went = [row for row in rows if not row.left]
    lines = [*_told(went, would if dry_run else done), *_told(left, "Left as they are")]
    changed = carried.changes
    lines.append(f"{changed} {'file' if changed == 1 else 'files'} {'would change' if dry_run else 'changed'}.")
    if changed and not dry_run:
        lines.append("Restart the clients: a server that runs is not changed by this.")
    emit("\n".join(lines), None)
    if left:
        raise typer.Exit(_INCOMPLETE)


def _told(rows: "list[Row]", what: str) -> list[str]:
    """Rows by file, with steering characters shown: every name of them was written by somebody."""
    from bartizan.text.normalise import show

    if not rows:
        return []
    lines = [f"{what}:"]
    for path in dict.fromkeys(row.path for row in rows):
        lines.append(f"  {show(path)}")
        for row in rows:
            if row.path == path:
                more = row.left or " ".join(part for part in (f"as {row.id}", row.was and f"(was {row.was})") if part)
                lines.append(f"    {show(row.name)}  {show(more)}")
    return [*lines, ""]
