"""`suppress`: one finding of a kept scan becomes an entry of the file of suppressions."""

import getpass
import os
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from bartizan.app.findings import find_finding
from bartizan.app.scan import Result
from bartizan.assess.suppress import Concerns, sift
from bartizan.model.errors import UsageError
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.limits import DEFAULT
from bartizan.model.suppression import Suppression, holds, too_far
from bartizan.ports import Store
from bartizan.report.subjects import Subjects

_DAYS = re.compile(r"([0-9]{1,5})d")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of a kept scan, and the inventory of that scan."""

    finding: Finding
    inventory: Inventory


class Reach(StrEnum):
    """How much an entry holds: one finding as it is now, or a rule on a tool, on a server, or anywhere."""

    FINDING = "finding"
    TOOL = "tool"
    SERVER = "server"
    RULE = "rule"


def excepted(result: Result, suppressions: Sequence[Suppression], today: date) -> Result:
    """The result with what is accepted set apart."""
    findings, exceptions = sift(result.findings, suppressions, result.inventory, today)
    return Result(inventory=result.inventory, findings=findings, exceptions=exceptions)


def kept_finding(store: Store, text: str) -> Kept:
    """The finding that `text` names, by its id or the beginning of it. Raises UsageError."""
    found = find_finding(store, text)
    inventory = store.inventory(found.scan)
    if inventory is None:  # another scan of the same scope was saved in between
        raise UsageError("a new scan was saved just now", remedy="take the id from its report")
    return Kept(finding=found.finding, inventory=inventory)


def suppression_of(kept: Kept, reach: Reach, *, reason: str, author: str, until: date, today: date) -> Suppression:
    """The entry for a finding. Raises UsageError where it cannot be made as asked."""
    _refuse(until, today)
    finding, inventory = kept.finding, kept.inventory
    one = Suppression(
        finding=finding.id,
        title=finding.title,
        subject=Subjects(inventory).named(finding.subject),
        reason=_said("reason", reason),
        author=_said("author", author),
        created=today,
        until=until,
    )
    if reach is Reach.FINDING:
        return one
    wide = msgspec.structs.replace(one, finding="", rule=finding.rule, up_to=finding.severity, subject="")
    if reach is Reach.RULE:
        return msgspec.structs.replace(wide, everywhere=True)
    server, tool = _place_of(finding, inventory, reach)
    tool = tool if reach is Reach.TOOL else ""
    return msgspec.structs.replace(wide, server=server, tool=tool, subject=Subjects(inventory).named(server))


def last_day(text: str, today: date) -> date:
    """The day that a person writes: `2026-12-31`, or `90d` for in ninety days. Raises UsageError."""
    if days := _DAYS.fullmatch(text):
        return today + timedelta(days=int(days[1]))
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day, in UTC as all our days
    except ValueError:
        raise UsageError(f"{text!r} is no day", remedy="write it as 2026-12-31, or as 90d for in ninety days") from None


def _said(name: str, text: str) -> str:
    said = " ".join(text.split())
    if not said:
        raise UsageError(f"the {name} is empty", remedy=f"say it with --{name} TEXT")
    if len(said) > DEFAULT.suppression_text_characters_max:
        raise UsageError(f"the {name} is longer than {DEFAULT.suppression_text_characters_max} characters")
    return said


def _refuse(until: date, today: date) -> None:
    if until < today:
        raise UsageError(f"{until} is over", remedy=f"name a day from {today} on with --until")
    if last := too_far(until, today):
        raise UsageError(
            f"{until} is more than {DEFAULT.suppression_days_max} days away (suppression_days_max)",
            remedy=f"name a day up to {last}, and decide again then",
        )


def _place_of(finding: Finding, inventory: Inventory, reach: Reach) -> tuple[str, str]:
    servers, tool = Concerns(inventory).of(finding)
    remedy = "use --scope finding"
    if len(servers) != 1:
        raise UsageError(f"{finding.id} concerns {len(servers) or 'no'} servers, not one", remedy=remedy)
    if reach is Reach.TOOL and not tool:
        raise UsageError(f"{finding.id} is not about a tool", remedy=f"{remedy} or --scope server")
    return next(iter(servers)), tool


def already(one: Suppression, kept: Kept, suppressions: Sequence[Suppression], today: date) -> Suppression | None:
    """The entry that makes a new one for the finding needless today, if there is one."""
    about = Concerns(kept.inventory).of(kept.finding)
    holding = (known for known in suppressions if holds(known, kept.finding, *about, today))
    return next((known for known in holding if one.finding or known.called == one.called), None)


def this_user() -> str:
    """The name of the user of this process, as the system has it; what the environment says only where it has none."""
    try:
        import pwd  # noqa: PLC0415 - POSIX only

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return getpass.getuser()
