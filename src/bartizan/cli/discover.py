"""`bartizan discover`: the inventory."""

from pathlib import Path

import typer

from bartizan.cli.session import (
    ConfigOption,
    HomeOption,
    OutputOption,
    ProcessesOption,
    ProjectOption,
    emit,
    opened,
    progress,
)


def discover(
    home: Path | None = HomeOption,
    target: list[str] = typer.Option([], "--target", help="A URL, host:port, address or CIDR to ask. May be repeated."),
    project: list[Path] = ProjectOption,
    processes: bool = ProcessesOption,
    public: bool = typer.Option(False, "--public", help="Allow targets on the internet, not only private ones."),
    format: str = typer.Option("table", "--format", help="table, json, cyclonedx, cyclonedx-1.6 or html."),
    output: Path | None = OutputOption,
    config: Path | None = ConfigOption,
) -> None:
    """Find every MCP server, agent, tool and credential: one inventory (AI BOM). Starts nothing."""
    import asyncio

    from bartizan.app import scan as app
    from bartizan.app.scope import Asked, scope_of
    from bartizan.cli.formats import check_format, render

    check_format(format, judged=False)
    with opened(config) as (settings, parts), progress() as tell:
        asked = Asked(home=home, projects=project or [], targets=target, processes=processes, public=public)
        scope = scope_of(settings, asked)
        inventory = asyncio.run(app.discover(scope, settings, parts, tell))
    emit(render(format, inventory, None), output)
    raise typer.Exit(app.inventory_exit_code(inventory))
