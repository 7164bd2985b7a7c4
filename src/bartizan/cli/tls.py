"""`bartizan tls`: certificates for the gateway and its clients."""

import sys

import typer

from bartizan.cli.session import emit

tls = typer.Typer(
    name="tls", help="Certificates for the gateway and its clients.", no_args_is_help=True, rich_markup_mode=None
)


@tls.callback()
def group() -> None:
    """Certificates for the gateway and its clients."""


@tls.command("init")
def init(
    name: list[str] = typer.Option(
        [], "--name", metavar="HOST", help="A name or address by which clients reach the gateway; may be repeated."
    ),
    client: list[str] = typer.Option(
        [], "--client", metavar="NAME", help="A client that gets a certificate of its own; may be repeated."
    ),
    domain: str = typer.Option(
        "", "--domain", metavar="NAME", help="The trust domain of clients' SPIFFE ids; bartizan.internal if not said."
    ),
    days: int = typer.Option(30, "--days", help="How long certificates are good. They are renewed before."),
    replace: bool = typer.Option(False, "--replace", help="Make the authorities and all certificates anew."),
) -> None:
    """Make two local authorities, a certificate for the gateway, and one for each client.

    They lie below `tls` in the state folder, keys with mode 0600. Run again, it keeps what is good and renews what has
    less than a third of its life left: run it daily. The gateway takes new ones without a restart. The authority of
    the gateway vouches for its names alone, that of clients for clients alone.
    """
    from datetime import UTC, datetime

    from bartizan.adapters.authority import Purpose
    from bartizan.app import tls as app
    from bartizan.app.home import state_folder

    state = state_folder().absolute()
    wanted = app.Wanted(names=tuple(name), clients=tuple(client), domain=domain, days=days, replace=replace)
    made = app.init(state, wanted, datetime.now(UTC))
    for one in made:
        until = one.until.strftime("%Y-%m-%dT%H:%M:%SZ")
        sys.stderr.write(f"{'new ' if one.new else 'kept'} {one.certificate}: {one.name}, until {until}\n")
    emit(
        "gateway:\n"
        "  tls:\n"
        f"    certificate: {made[0].certificate}\n"
        f"    key: file:{made[0].key}\n"
        f"    client_ca: {app.authority_file(state, Purpose.CLIENT)}\n"
        "    client: optional\n",
        None,
    )
    trusted = app.authority_file(state, Purpose.GATEWAY)
    sys.stderr.write(f"Clients trust {trusted}, and show their own certificate and key.\n")
