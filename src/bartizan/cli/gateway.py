"""`bartizan gateway`: the gateway alone."""

from pathlib import Path

import typer

from bartizan.cli.session import ConfigOption


def gateway(config: Path | None = ConfigOption) -> None:
    """Front the servers of the configuration: every message is read, judged, recorded and passed on unaltered.

    Each server of `gateway.servers` is served at /servers/ID/mcp, in every revision of the protocol that it speaks.
    The files of `policy` say who may call what; what they do not permit is denied. The address is `gateway.listen`;
    beyond this machine it needs `gateway.tls`. Messages that two readers could read differently, foreign
    origins and sessions of others are refused. What clients show to prove who they are never goes on to a server.

    It runs until SIGTERM or SIGINT, and then lets what is under way end.
    """
    from bartizan.app.config import read_config
    from bartizan.app.serving import run_gateway
    from bartizan.model.errors import UsageError
    from bartizan.ports import BusError

    try:
        run_gateway(read_config(config), config, lambda line: typer.echo(line, err=True))
    except BusError as error:
        raise UsageError(f"the record of calls cannot be opened: {error}") from None
