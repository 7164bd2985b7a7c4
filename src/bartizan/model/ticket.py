"""Ticket: a call that waits for a person. What is approved is this very call of this principal, once."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from bartizan.model.json import JsonObject


class TicketState(StrEnum):
    """Where a ticket is. Only `approved` lets a call through, and that makes it `used`."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"
    EXPIRED = "expired"


NEXT: Mapping[TicketState, frozenset[TicketState]] = {
    TicketState.PENDING: frozenset({TicketState.APPROVED, TicketState.DENIED, TicketState.EXPIRED}),
    TicketState.APPROVED: frozenset({TicketState.USED, TicketState.DENIED, TicketState.EXPIRED}),
    TicketState.DENIED: frozenset(),
    TicketState.USED: frozenset(),
    TicketState.EXPIRED: frozenset(),
}
"""What may follow on what. A test draws the table in the documentation from it."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call that waits. `digest` is that of the exact request; an approval holds for it, the principal and `policy`.

    `arguments` are shown to the person who decides: whole, with secrets as marks. `reasons` say why it waits.
    """

    id: str
    state: TicketState = TicketState.PENDING
    created: datetime
    expires: datetime
    server: str
    method: str
    target: str
    principal: str
    client: str = ""
    digest: str
    policy: str
    arguments: JsonObject
    reasons: tuple[str, ...]
    decided_by: str = ""
    factor: str = ""
    decided_at: datetime | None = None
    used_at: datetime | None = None


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person who may decide, and by what they prove it. `spent` is the last time step whose code was used."""

    name: str
    factor: str
    enrolled: datetime
    spent: int = 0
    failures: int = 0
    locked_until: datetime | None = None
