"""`bartizan doctor`: what works on this host."""

from pathlib import Path

import typer

from bartizan.cli.session import ConfigOption, emit, opened


def doctor(
    format: str = typer.Option("table", "--format", help="table or json."), config: Path | None = ConfigOption
) -> None:
    """Say what works on this host, what is degraded, and why."""
    from bartizan.app.doctor import diagnose, rendered

    with opened(config) as (_, parts):
        abilities = diagnose(parts)
    emit(rendered(abilities, format), None)
