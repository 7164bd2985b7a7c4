"""What every command needs: configuration and parts, progress on a terminal, data to standard output."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bartizan.model.errors import Place, UsageError

if TYPE_CHECKING:
    from bartizan.app.config import Config
    from bartizan.app.parts import Parts

ConfigOption = typer.Option(None, "--config", envvar="BARTIZAN_CONFIG", help="The configuration file, bartizan.yml.")
HomeOption = typer.Option(
    None, "--home", exists=True, file_okay=False, help="Read client configurations below DIR, and nothing else here."
)
ProjectOption = typer.Option(None, "--project", exists=True, file_okay=False, help="A project folder to read too.")
ProcessesOption = typer.Option(
    False, "--processes", help="Look at the processes of this machine too, with --home or targets."
)
RegistryOption = typer.Option(
    [], "--registry", exists=True, help="A copy of the MCP registry (server.json documents) to compare with."
)
AdvisoriesOption = typer.Option(
    [], "--advisories", exists=True, help="Advisories in the form of OSV, a file or a folder, to judge by as well."
)
OutputOption = typer.Option(None, "--output", dir_okay=False, help="Write to FILE instead of standard output.")


@contextmanager
def opened(config_path: Path | None) -> Generator[tuple["Config", "Parts"]]:
    """Configuration and real parts, closed afterwards."""
    from bartizan.app.bootstrap import real_parts
    from bartizan.app.config import read_config

    config = read_config(config_path)
    parts = real_parts(config)
    try:
        yield config, parts
    finally:
        parts.store.close()


@contextmanager
def progress() -> Generator[Callable[[str], None]]:
    """A line on standard error that says what goes on; nothing where that is no terminal.

    An empty text takes the line away, so that a question can be asked.
    """
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    with console.status(Text("starting")) as status:

        def tell(text: str) -> None:
            if text:
                status.update(Text(text))
                status.start()
            else:
                status.stop()

        yield tell


def emit(text: str, output: Path | None) -> None:
    """Write data to standard output, or to a file that only its owner reads. Raises UsageError."""
    if text and not text.endswith("\n"):
        text += "\n"
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    from bartizan.app.files import write_private

    try:
        write_private(output, text)
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=Place(path=str(output))) from None


def terminal_width() -> int:
    """Columns of the terminal; 100 where standard output is none."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100


def colour() -> bool:
    """Whether to colour: a terminal, and nobody said NO_COLOR."""
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
