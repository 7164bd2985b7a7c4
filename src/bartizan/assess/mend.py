"""Mends: from a finding to what is to be changed so that it is true no more."""

from collections.abc import Callable

from bartizan.assess.fixes.bind import tighten_bind
from bartizan.assess.fixes.disable import disable
from bartizan.assess.fixes.mode import tighten_mode
from bartizan.assess.fixes.pin import pin
from bartizan.assess.fixes.reference import refer
from bartizan.assess.fixes.ticket import Ticket
from bartizan.model.mend import Mend, NoMendError

MENDS: dict[str, Callable[[Ticket], Mend]] = {
    "unpinned_launch": pin,
    "secret_in_configuration": refer,
    "configuration_readable_by_others": tighten_mode,
    "listens_on_all_interfaces": tighten_bind,
}


def mend_of(ticket: Ticket, *, turn_off: bool = False) -> Mend:
    """The mend of a finding, or with `turn_off` that of its server. Raises NoMendError, which says what to do."""
    if turn_off:
        return disable(ticket)
    made = MENDS.get(ticket.finding.rule)
    if made is None:
        off = "; --disable turns its server off" if ticket.sights else ""
        raise NoMendError(f"no edit of a configuration mends this. Its remedy: {ticket.finding.remedy.strip()}{off}")
    return made(ticket)
