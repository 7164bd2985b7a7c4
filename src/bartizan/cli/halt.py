"""`bartizan halt`: stop everything, or one thing, at once."""

import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import typer

from bartizan.cli.session import ConfigOption, emit

halt = typer.Typer(
    name="halt",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The kill switch of the gateway: stop everything or one thing at once; only an approver lifts it.",
)


class Effect(StrEnum):
    """Values of --effect."""

    DENY = "deny"
    READ_ONLY = "read_only"
    CONFIRM = "confirm"


@halt.command("on")
def on(
    reason: str = typer.Option(..., "--reason", metavar="TEXT", help="Why. It is shown to who lifts it."),
    server: str = typer.Option("", "--server", metavar="ID", help="Only this server."),
    tool: str = typer.Option("", "--tool", metavar="NAME", help="Only this tool."),
    principal: str = typer.Option("", "--principal", metavar="ID", help="Only this principal."),
    client: str = typer.Option("", "--client", metavar="NAME", help="Only clients that call themselves so."),
    effect: Effect = typer.Option(Effect.DENY, "--effect", help="Deny all, permit only reads, or have a person asked."),
    minutes: int = typer.Option(0, "--minutes", min=0, help="Lift it by itself after so many minutes."),
    config: Path | None = ConfigOption,
) -> None:
    """Stop what the options say, or everything. Every gateway of this store obeys within a second.

    It survives restarts. The same is done by a file HALT in the state folder, and by the signal SIGUSR1.
    """
    from bartizan.app.config import read_config
    from bartizan.app.restricting import check_server, opened_restrictions
    from bartizan.app.restrictions import halt as put
    from bartizan.app.suppress import this_user
    from bartizan.model.restriction import Restrained

    scope = {"server": server, "tool": tool, "principal": principal, "client": client}
    settings = read_config(config)
    check_server(settings, server)
    with opened_restrictions(settings) as (kept, record, _):
        made = put(
            kept,
            record,
            reason=reason,
            by=this_user(),
            effect=Restrained(effect.value),
            scope={name: value for name, value in scope.items() if value},
            until=datetime.now(UTC) + timedelta(minutes=minutes) if minutes else None,
        )
    sys.stderr.write(f"{made.id}: {made.effect.value} of {made.scope}. `bartizan halt lift {made.id}` lifts it.\n")


@halt.command("list")
def in_force(
    format: str = typer.Option("table", "--format", help="table or json."), config: Path | None = ConfigOption
) -> None:
    """Show what is restricted now. Exits with 1 where something is."""
    from bartizan.app.config import read_config
    from bartizan.app.restricting import opened_restrictions
    from bartizan.report.restrictions import rendered

    with opened_restrictions(read_config(config)) as (kept, _, _):
        told = kept.in_force(datetime.now(UTC))
    emit(rendered(told, format), None)
    raise typer.Exit(1 if told else 0)


@halt.command()
def lift(
    restriction: str = typer.Argument(metavar="ID"),
    approver: str = typer.Option("", "--approver", metavar="NAME", help="Who lifts it."),
    code: str = typer.Option("", "--code", help="The code of the authenticator; asked for on a terminal."),
    config: Path | None = ConfigOption,
) -> None:
    """Permit again what policy permits. It takes an approver (`bartizan approvals enroll`)."""
    from bartizan.app.config import read_config
    from bartizan.app.restricting import opened_restrictions
    from bartizan.app.restrictions import lift as lifted
    from bartizan.cli.approvals import ask_code

    with opened_restrictions(read_config(config)) as (kept, record, approvals):
        name = approver or approvals.only_name()
        done = lifted(kept, approvals, record, restriction, name=name, code=code or ask_code())
    sys.stderr.write(f"{done.id} is lifted.\n")
