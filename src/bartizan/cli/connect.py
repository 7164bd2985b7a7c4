"""`bartizan connect`: what `wrap` writes into a client in place of a server's own command."""

import os
import signal
import sys
from typing import NoReturn

import typer

GatewayOption = typer.Option("", "--gateway", metavar="URL", help="The gateway; http://127.0.0.1:8700 without it.")


def connect(
    server: str = typer.Argument(..., metavar="SERVER_ID", help="The id of a server that the gateway fronts."),
    command: list[str] = typer.Argument(
        None, metavar="[-- COMMAND...]", help="The server's own command, for people to read. It is not run."
    ),
    gateway: str = GatewayOption,
) -> None:
    """Speak for a client with a server behind the gateway: messages on standard input and output, nothing else.

    A client starts this in place of the server. The server itself is started, or reached, by the gateway.
    """
    from bartizan.app.connect import connect as run

    signal.signal(signal.SIGTERM, _stop)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed is no message
    try:
        run(server, gateway, sys.stdin.buffer, out)
    finally:
        sys.stderr.flush()


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)
