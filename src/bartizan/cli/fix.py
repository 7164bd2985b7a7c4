"""`bartizan fix`: a mend as a difference, applied with a way back."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bartizan.cli.session import ConfigOption, emit, opened

if TYPE_CHECKING:
    from bartizan.app.fix import Proposal, Record


def fix(
    finding: str = typer.Argument(
        "", metavar="[FINDING]", help="The id of a finding of a kept scan, or its beginning."
    ),
    apply: bool = typer.Option(False, "--apply", help="Make the change. Without it, it is only shown."),
    version: str = typer.Option("", "--version", help="The version, or digest, to pin to."),
    variable: str = typer.Option("", "--variable", help="The variable that a secret is replaced by."),
    disable: bool = typer.Option(False, "--disable", help="Turn the finding's server off, whatever the finding is."),
    undo: str = typer.Option("", "--undo", metavar="ID", help="Put back what was applied, byte for byte."),
    forget: str = typer.Option("", "--forget", metavar="ID", help="Delete the undo copy; what was applied stays."),
    listing: bool = typer.Option(False, "--list", help="List what was applied and can be undone."),
    config: Path | None = ConfigOption,
) -> None:
    """Show how to mend a finding as a difference, and with --apply do it; --undo takes it back.

    Pins the version of a launch, replaces a secret by a reference that the client fills in, takes the rights of others
    away from a file, binds a server to this machine, or turns a server off. Where no edit mends a finding, it says
    what does and exits with 2.
    """
    from bartizan.app import fix as app
    from bartizan.model.errors import UsageError

    if sum(map(bool, (finding, undo, forget, listing))) != 1:
        raise UsageError("name one finding, or one of --undo, --forget and --list", remedy="see bartizan fix --help")
    if listing:
        rows = [_row(record) for record in app.shelf().records()]
        rows += [f"{one}  cannot be read; delete it with --forget {one}" for one in app.shelf().broken()]
        emit("\n".join(rows) or "Nothing was applied.", None)
        return
    if undo:
        emit(_undone(app.shelf().undo(undo)), None)
        return
    if forget:
        app.shelf().forget(forget)
        emit(f"Forgotten: {forget}. What it changed stays.", None)
        return
    with opened(config) as (_, parts):
        wish = app.Wish(disable=disable, version=version, variable=variable)
        proposal = app.propose(finding, wish, parts)
        record = app.apply(proposal, parts) if apply else None
    emit(_told(proposal, record), None)


def _told(proposal: "Proposal", record: "Record | None") -> str:
    from bartizan.text.normalise import show

    finding = proposal.finding
    lines = [f"{finding.id}  {show(finding.message)}", f"{show(proposal.mend.title)}:", "", *proposal.differences, ""]
    lines += ["Besides:", *(f"  - {show(one)}" for one in proposal.besides), ""] if proposal.besides else []
    if record is None:
        return "\n".join([*lines, "Nothing is changed yet. To do it, give the same command with --apply."])
    lines.append(f"Applied. To take it back: bartizan fix --undo {record.id}")
    if record.holds_secret:
        lines.append(
            "The undo copy is the file as it was, credentials in it too, readable by you alone. "
            f"Once all works: bartizan fix --forget {record.id}"
        )
    return "\n".join([*lines, "Run `bartizan scan` again to see that the finding is gone."])


def _undone(record: "Record") -> str:
    from bartizan.text.normalise import show

    return "\n".join([f"Taken back: {record.id}", *(f"  {show(kept.path)}" for kept in record.files)])


def _row(record: "Record") -> str:
    from bartizan.text.normalise import show

    secret = "  (its copy holds credentials)" if record.holds_secret else ""
    paths = ", ".join(show(kept.path) for kept in record.files)
    return f"{record.id}  {record.at:%Y-%m-%dT%H:%M:%SZ}  {record.finding}  {show(record.title)}  {paths}{secret}"
