"""`fix`: a mend of a finding, shown as a difference, applied with a way back."""

from collections.abc import Sequence

import msgspec

from bartizan.app.difference import difference
from bartizan.app.findings import find_finding
from bartizan.app.home import state_folder
from bartizan.app.parts import Parts
from bartizan.app.ticket import Desk, Opened
from bartizan.app.undo import Change, Record, UndoShelf, undo_shelf
from bartizan.assess.fixes.ticket import Ticket
from bartizan.assess.mend import mend_of
from bartizan.discover.edit import EditError, rewrite, value_at
from bartizan.discover.entries import read_entry
from bartizan.discover.formats import read_document
from bartizan.discover.packages import package_of
from bartizan.model.errors import Place, UsageError
from bartizan.model.finding import Finding
from bartizan.model.mend import FileMend, Mend, NoMendError
from bartizan.model.secret import Secret
from bartizan.text.normalise import show

__all__ = ["Proposal", "Record", "UndoShelf", "Wish", "apply", "propose", "shelf"]

_SECRET_RULE = "secret_in_configuration"  # noqa: S105 - a rule's name


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the person asks for: another mend than the usual one, a version, a variable's name."""

    disable: bool = False
    version: str = ""
    variable: str = ""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A mend with the changes it makes. `differences` are safe to print: no secret, every steering character shown.

    `holds_secret`: the files, and so their undo copies, hold credentials.
    """

    finding: Finding
    mend: Mend
    changes: tuple[Change, ...]
    differences: tuple[str, ...]
    besides: tuple[str, ...]
    holds_secret: bool


def shelf() -> UndoShelf:
    """What was applied on this deployment."""
    return undo_shelf(state_folder())


def propose(text: str, wish: Wish, parts: Parts) -> Proposal:
    """The mend of the finding that `text` names. Raises UsageError where there is none, or the files changed."""
    found = find_finding(parts.store, text)
    inventory = parts.store.inventory(found.scan)
    if inventory is None:
        raise UsageError("the scan of this finding is no longer kept", remedy="run `bartizan scan` again")
    desk = Desk(inventory, parts.catalogue, parts.key, shelf().records())
    secret = found.finding.rule == _SECRET_RULE and not wish.disable
    try:
        _check_kind(found.finding, desk, secret=secret)
        ticket = desk.ticket(
            found.finding, version=wish.version, variable=wish.variable, servers=not secret, secrets=secret
        )
        mend = mend_of(ticket, turn_off=wish.disable)
        changes = tuple(_change(file, desk.open(file.path)) for file in mend.files)
    except NoMendError as error:
        raise UsageError(
            f"{found.finding.id} is not mended by an edit", where=_shown(found.finding.place), remedy=show(str(error))
        ) from None
    if found.finding.rule == "unpinned_launch" and not wish.disable:
        _verify_pin(ticket, changes, desk)
    return Proposal(
        finding=found.finding,
        mend=mend,
        changes=changes,
        differences=tuple(difference(change, desk) for change in changes),
        besides=(*mend.besides, *_left(ticket, changes)),
        holds_secret=any(one.text is not None and any(desk.credentials_in(one.now.path)) for one in changes),
    )


def apply(proposal: Proposal, parts: Parts) -> Record:
    """Make the changes and keep the way back. Raises UsageError for a file that changed since it was shown."""
    return shelf().apply(
        proposal.changes,
        finding=proposal.finding.id,
        rule=proposal.finding.rule,
        title=proposal.mend.title,
        at=parts.clock.now(),
        holds_secret=proposal.holds_secret,
    )


def _change(file: FileMend, opened: Opened) -> Change:
    text = None
    if file.edits:
        try:
            text = Secret(rewrite(opened.now.text.reveal(), opened.form, file.edits))
        except EditError as error:
            raise NoMendError(f"the file cannot be edited safely ({error}): edit it by hand") from None
    if file.mode is not None and file.mode == opened.now.mode:
        raise UsageError(
            "the mode is already as it should be", where=Place(path=file.path), remedy="run `bartizan scan` again"
        )
    return Change(now=opened.now, text=text, mode=file.mode)


def _shown(place: Place | None) -> Place | None:
    """A place whose names, which anybody may have written, are safe to print."""
    return place and Place(path=show(place.path), line=place.line, pointer=show(place.pointer), url=show(place.url))


def _check_kind(finding: Finding, desk: Desk, *, secret: bool) -> None:
    """A secret that stands in no configuration has no reference to go to. Raises NoMendError."""
    path = finding.place.path if finding.place else ""
    if secret and desk.is_dotenv(path):
        raise NoMendError(
            "a dotenv file is where variables are set, so there is nothing to refer to: keep it out of repositories "
            "and backups with mode 0600, or let a secret manager's program set the variable; and rotate the credential"
        )
    if secret and not desk.is_known(path):
        raise NoMendError(f"it stands in no configuration of a client. Its remedy: {finding.remedy.strip()}")


def _verify_pin(ticket: Ticket, changes: Sequence[Change], desk: Desk) -> None:
    """A pin has to be one in the eyes of the reading that found it missing. Raises UsageError."""
    after = {change.now.path: change.text for change in changes if change.text is not None}
    for sight in ticket.sights:
        text = after.get(sight.file)
        if text is None:
            continue
        value = read_document(text.reveal(), desk.open(sight.file).form).value
        fields = sight.readers[0].fields if sight.readers else {}
        entry = read_entry(sight.name, value_at(value, sight.path), sight.path, fields)
        if not package_of([word.text for word in entry.command]).pinned:
            raise UsageError(
                "the launch would still not be pinned, so nothing is changed", where=Place(path=sight.file)
            )


def _left(ticket: Ticket, changes: Sequence[Change]) -> list[str]:
    """Where the secret still stands after the edits: a comment, or a place that the scan does not read."""
    told: list[str] = []
    for change in changes:
        text = change.text.reveal() if change.text is not None else ""
        for value in {spot.value[spot.start : spot.end] for spot in ticket.spots if spot.file == change.now.path}:
            lines = [str(number) for number, line in enumerate(text.split("\n"), 1) if value in line]
            if lines:
                told.append(f"the credential also stands in line {', '.join(lines)}: take it out there by hand")
    return told
