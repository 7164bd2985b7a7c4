"""`bartizan map`: the threat map."""

from pathlib import Path

import typer

from bartizan.cli.session import ConfigOption, HomeOption, OutputOption, emit, opened


def threat_map(
    from_: str = typer.Option("", "--from", metavar="ASSET", help="What can be reached from it: its blast radius."),
    to: str = typer.Option("", "--to", metavar="ASSET", help="Who can reach it: its exposure."),
    format: str = typer.Option("table", "--format", help="table, json, dot or html."),
    output: Path | None = OutputOption,
    home: Path | None = HomeOption,
    snapshot: Path | None = typer.Option(None, "--from-snapshot", help="Map a saved FILE instead of the newest scan."),
    config: Path | None = ConfigOption,
) -> None:
    """Show what reaches what, and the one control that cuts most paths. ASSET is an id, a name or a fingerprint."""
    from bartizan.app.map import map_inventory, named_asset, rendered
    from bartizan.app.scan import inventory_exit_code, read_inventory
    from bartizan.app.scope import Asked, scope_of
    from bartizan.cli.session import colour, terminal_width
    from bartizan.model.errors import UsageError

    with opened(config) as (settings, parts):
        scope = scope_of(settings, Asked(home=home)).name or parts.machine
        inventory = read_inventory(snapshot) if snapshot else parts.store.latest(scope=scope)
    if inventory is None:
        what = f"of {home}" if home else "of this machine"
        raise UsageError(
            f"no scan {what} is kept", remedy="run `bartizan scan` first, or name a file with --from-snapshot"
        )
    answer = map_inventory(
        inventory, named_asset(inventory, from_) if from_ else None, named_asset(inventory, to) if to else None
    )
    emit(rendered(format, answer, inventory, width=terminal_width(), colour=colour()), output)
    raise typer.Exit(inventory_exit_code(inventory))
