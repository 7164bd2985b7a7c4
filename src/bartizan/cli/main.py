"""The program `bartizan`: its commands, and what becomes of errors."""

import os
import sys
import traceback

import typer

from bartizan import __version__
from bartizan.cli.approvals import approvals
from bartizan.cli.check import check
from bartizan.cli.connect import connect
from bartizan.cli.discover import discover
from bartizan.cli.doctor import doctor
from bartizan.cli.enforce import enforce
from bartizan.cli.fix import fix
from bartizan.cli.gateway import gateway
from bartizan.cli.halt import halt
from bartizan.cli.map import threat_map
from bartizan.cli.normalize import normalize
from bartizan.cli.pin import pin
from bartizan.cli.policy import policy
from bartizan.cli.replay import replay
from bartizan.cli.rules import rules
from bartizan.cli.scan import scan
from bartizan.cli.suppress import suppress
from bartizan.cli.tls import tls
from bartizan.cli.wrap import unwrap, wrap
from bartizan.model.errors import ContentError, UsageError

WRONG_USE = 2
DEFECT = 70  # EX_SOFTWARE of sysexits.h

app = typer.Typer(
    name="bartizan",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would print what was read
    add_completion=False,
    rich_markup_mode=None,
)
app.command()(discover)
app.command()(scan)
app.command()(check)
app.command()(fix)
app.command()(suppress)
app.command("map")(threat_map)
app.add_typer(pin)
app.add_typer(policy)
app.add_typer(rules)
app.add_typer(approvals)
app.add_typer(halt)
app.command()(gateway)
app.command()(normalize)
app.command()(replay)
app.add_typer(tls)
app.command()(wrap)
app.command()(unwrap)
app.command()(connect)
app.command()(enforce)
app.command()(doctor)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"bartizan {__version__}")
        raise typer.Exit


@app.callback()
def bartizan(
    _version_asked: bool = typer.Option(
        False,
        "--version",
        help="Show the version and exit.",
        callback=_version,
        is_eager=True,
    ),
) -> None:
    """Find, judge and guard every MCP server, agent, tool and credential.

    Exit codes: 0 done and clean; 1 findings at or above --fail-on; 2 wrong use or configuration; 3 incomplete:
    something could not be looked at, so the result must not be read as clean.
    """


def main() -> None:
    """Run the command line."""
    _keep_memory_private()
    try:
        app()
    except (UsageError, ContentError) as error:
        sys.stderr.write(f"bartizan: {error}\n")
        sys.exit(WRONG_USE)
    except BrokenPipeError:
        # Whoever read our output has enough. Nothing more can be said to them; do not let the exit flush try.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception:  # the top: a defect of ours must not look like exit code 1, which means findings
        traceback.print_exc()  # without local variables, which may hold what was read
        sys.stderr.write("bartizan: this is a defect of Bartizan; nothing above holds a secret, please report it\n")
        sys.exit(DEFECT)
    except KeyboardInterrupt:
        sys.stderr.write("bartizan: interrupted; nothing was saved\n")
        sys.exit(130)


def _keep_memory_private() -> None:
    """No core dump and no debugger of the same user: for a while this process holds what it reads."""
    from bartizan.app.private import keep_memory_private

    keep_memory_private()
