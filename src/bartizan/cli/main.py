"""The program `bartizan`."""

import typer

app = typer.Typer(
    name="bartizan",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would print what was read
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def bartizan() -> None:
    """Find, judge and guard every MCP server, agent, tool and credential."""


def main() -> None:
    """Run the command line."""
    app()
