"""`bartizan pin`: the approved definitions."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bartizan.cli.session import ConfigOption, HomeOption, emit, opened
from bartizan.model.errors import UsageError
from bartizan.model.finding import Severity

if TYPE_CHECKING:
    from bartizan.app.config import Config
    from bartizan.app.parts import Parts
    from bartizan.model.inventory import Inventory

pin = typer.Typer(
    name="pin",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The approved definitions: approve what a scan saw, and hear of it when a server says something else.",
)

LabOption = typer.Option(False, "--lab", help="The newest scan of the lab.")
SnapshotOption = typer.Option(None, "--from-snapshot", help="A saved FILE instead of the newest scan.")
FormatOption = typer.Option("table", "--format", help="table or json.")


@pin.command()
def approve(
    servers: list[str] = typer.Argument(None, metavar="[SERVER]...", help="Names or ids of servers."),
    reason: str = typer.Option("", "--reason", help="Why this may be used; it is kept with the approval. Required."),
    tool: list[str] = typer.Option(None, "--tool", metavar="NAME", help="Approve only this tool; may be repeated."),
    client: str = typer.Option("", "--client", help="For this client alone; without it, for all."),
    everything: bool = typer.Option(False, "--all", help="Every server of the scan."),
    accept_malicious: list[str] = typer.Option(
        None, "--accept-malicious", metavar="NAME", help="Approve this definition although it is judged malicious."
    ),
    yes: bool = typer.Option(
        False,
        "--yes",
        help="Do not ask. Where agents run as this user they could say so too: approval is then advisory.",
    ),
    home: Path | None = HomeOption,
    lab: bool = LabOption,
    from_snapshot: Path | None = SnapshotOption,
    config: Path | None = ConfigOption,
) -> None:
    """Approve what the newest scan saw of these servers. It is shown first, whole, and a person is asked.

    What is judged malicious is left out, unless it is named with --accept-malicious; the exit code is then 1. A server
    that was not looked at is not approved; with --all the exit code is then 3.
    """
    from bartizan.app import pin as app

    if not reason.strip():
        raise UsageError("no reason", remedy="say with --reason why these definitions may be used")
    if not (servers or everything):
        raise UsageError("no server", remedy="name servers, or --all")
    if not (yes or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise UsageError("nobody is there to be asked", remedy="approve on a terminal, or with --yes")
    with opened(config) as (settings, parts):
        inventory = _inventory(settings, parts, home, from_snapshot, lab=lab)
        wish = app.Wish(
            servers=tuple(servers or ()),
            tools=tuple(tool or ()),
            client=client,
            everything=everything,
            accepted=frozenset(accept_malicious or ()),
        )
        proposals, unseen = app.propose(inventory, wish, reason.strip(), parts)
        emit(app.described(proposals, unseen, inventory), None)
        if not yes and not _agreed(f"Approve {app.counted(proposals)}?"):
            sys.stderr.write("Nothing was approved.\n")
            raise typer.Exit(1)
        app.approve(proposals, parts)
        sys.stderr.write(f"Approved {app.counted(proposals)}.\n")
    raise typer.Exit(app.exit_code(proposals, unseen))


@pin.command("diff")
def difference(
    fail_on: Severity = typer.Option(Severity.HIGH, "--fail-on", help="Exit with 1 for drift this bad or worse."),
    format: str = FormatOption,
    home: Path | None = HomeOption,
    lab: bool = LabOption,
    from_snapshot: Path | None = SnapshotOption,
    config: Path | None = ConfigOption,
) -> None:
    """Show what the newest scan saw that is not what was approved. Exits with 3 where a server was not looked at."""
    from bartizan.app import pin as app

    with opened(config) as (settings, parts):
        inventory = _inventory(settings, parts, home, from_snapshot, lab=lab)
        found = app.diff(inventory, parts)
    emit(app.rendered_diff(found, inventory, format), None)
    raise typer.Exit(found.exit_code(fail_on))


@pin.command("list")
def listing(format: str = FormatOption, config: Path | None = ConfigOption) -> None:
    """List what is approved, by whom, when and why."""
    from bartizan.app import pin as app

    with opened(config) as (_, parts):
        approved = parts.store.approved()
    emit(app.rendered_list(approved, format), None)


def _inventory(
    settings: "Config", parts: "Parts", home: Path | None, snapshot: Path | None, *, lab: bool
) -> "Inventory":
    """What a scan saw: the newest of this machine, of a home or of the lab, or a saved one. Raises UsageError."""
    from bartizan.app.bootstrap import lab_folder
    from bartizan.app.scan import read_inventory
    from bartizan.app.scope import Asked, scope_of

    if snapshot:
        return read_inventory(snapshot)
    home = lab_folder() / "home" if lab else home
    inventory = parts.store.latest(scope=scope_of(settings, Asked(home=home)).name or parts.machine)
    if inventory is None:
        what = f"of {home}" if home else "of this machine"
        raise UsageError(
            f"no scan {what} is kept", remedy="run `bartizan scan` first, or name a file with --from-snapshot"
        )
    return inventory


def _agreed(question: str) -> bool:
    sys.stderr.write(f"{question} [y]es, [N]o: ")
    sys.stderr.flush()
    return sys.stdin.readline(100).strip().lower() in {"y", "yes"}
