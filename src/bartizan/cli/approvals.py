"""`bartizan approvals`: calls that wait for a person."""

import sys
from pathlib import Path

import typer

from bartizan.cli.session import ConfigOption, emit
from bartizan.model.errors import UsageError

approvals = typer.Typer(
    name="approvals",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Calls that wait for a person: see them whole, and decide with a code that no agent has.",
)

NameOption = typer.Option("", "--approver", metavar="NAME", help="Who decides. Not needed where one is enrolled.")
CodeOption = typer.Option("", "--code", help="The code of the authenticator; asked for on a terminal.")
GatewayOption = typer.Option("", "--gateway", metavar="URL", help="Ask a gateway that runs as another user.")
FormatOption = typer.Option("table", "--format", help="table or json.")


@approvals.command("list")
def waiting(
    format: str = FormatOption,
    gateway: str = GatewayOption,
    approver: str = NameOption,
    code: str = CodeOption,
    config: Path | None = ConfigOption,
) -> None:
    """Show what waits."""
    from bartizan.app.approving import ask_gateway, opened_approvals
    from bartizan.report.tickets import rendered

    if gateway:
        told = ask_gateway(gateway, {"action": "list", "approver": approver, "code": code or ask_code()})
    else:
        with opened_approvals(config) as opened:
            told = opened.waiting()
    emit(rendered(told, format), None)


@approvals.command()
def show(
    ticket: str = typer.Argument(metavar="TICKET"),
    format: str = FormatOption,
    gateway: str = GatewayOption,
    approver: str = NameOption,
    code: str = CodeOption,
    config: Path | None = ConfigOption,
) -> None:
    """Show one call with all its arguments; what cannot be seen is shown as code points."""
    from bartizan.app.approving import ask_gateway, opened_approvals
    from bartizan.report.tickets import shown

    if gateway:
        asked = {"action": "show", "ticket": ticket, "approver": approver, "code": code or ask_code()}
        told = ask_gateway(gateway, asked)[0]
    else:
        with opened_approvals(config) as opened:
            told = opened.get(ticket)
    emit(shown(told, format), None)


@approvals.command()
def allow(
    ticket: str = typer.Argument(metavar="TICKET"),
    approver: str = NameOption,
    code: str = CodeOption,
    gateway: str = GatewayOption,
    config: Path | None = ConfigOption,
) -> None:
    """Let this very call through, once, when it is made again."""
    _decide(ticket, approver, code, gateway, config, granted=True)


@approvals.command()
def deny(
    ticket: str = typer.Argument(metavar="TICKET"),
    approver: str = NameOption,
    code: str = CodeOption,
    gateway: str = GatewayOption,
    config: Path | None = ConfigOption,
) -> None:
    """Refuse it."""
    _decide(ticket, approver, code, gateway, config, granted=False)


@approvals.command()
def enroll(
    name: str = typer.Argument(metavar="NAME", help="Who may decide from now on: a-z, 0-9 and -."),
    by: str = typer.Option("", "--by", metavar="NAME", help="Who vouches for them. Not needed for the first."),
    code: str = typer.Option("", "--code", help="The code of who vouches; asked for on a terminal."),
    config: Path | None = ConfigOption,
) -> None:
    """Make somebody an approver, and print the address that their authenticator reads, once.

    Whoever enrols first is believed: do it before any agent runs, as the user of the gateway.
    """
    from bartizan.app.approving import opened_approvals

    with opened_approvals(config) as opened:
        enrolled = opened.enrolled()
        if enrolled and not code:
            code = ask_code()
        address = opened.enroll(name, by=by or (enrolled[0].name if len(enrolled) == 1 else ""), code=code)
    sys.stderr.write("Give this address to an authenticator on another device. It is a secret, and not shown again.\n")
    emit(address.reveal(), None)


def _decide(ticket: str, approver: str, code: str, gateway: str, config: Path | None, *, granted: bool) -> None:
    from bartizan.app.approving import ask_gateway, opened_approvals

    action = "allow" if granted else "deny"
    if gateway:
        asked = {"action": action, "ticket": ticket, "approver": approver, "code": code or ask_code()}
        decided = ask_gateway(gateway, asked)[0]
    else:
        with opened_approvals(config) as opened:
            name = approver or opened.only_name()
            decided = opened.decide(ticket, granted=granted, name=name, code=code or ask_code())
    sys.stderr.write(f"{decided.id} is {decided.state.value}.\n")


def ask_code() -> str:
    """The code that a person reads from their authenticator. Raises UsageError where nobody is there."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("nobody is there to be asked for a code", remedy="give --code, or use a terminal")
    return str(typer.prompt("Code", hide_input=True, err=True))
