"""Need: what a guard asks of the world before it can decide. The app answers within a deadline, and asks again.

An unanswered Need is Deny.
"""

from datetime import datetime

import msgspec

from bartizan.model.json import JsonObject
from bartizan.model.principal import Principal
from bartizan.model.secret import Secret
from bartizan.model.ticket import TicketState


class VerifyToken(msgspec.Struct, frozen=True, kw_only=True):
    """Whose token is it? `audience` is this gateway's resource identifier (RFC 8707). The answer: Verified."""

    token: Secret
    audience: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """The principal, or why there is none (for people)."""

    principal: Principal | None = None
    reason: str = ""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Take one from a shared budget. The answer: Counted. Replicas that share a store share the budget."""

    key: str
    window_seconds: float
    most: int


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there was one left, and when there will be again."""

    granted: bool
    retry_after_seconds: float = 0.0


class AskPerson(msgspec.Struct, frozen=True, kw_only=True):
    """May this call go through? A person says so on a ticket. The answer: Confirmed.

    `digest` is that of the exact request, `policy` the version of the policy that asks. The question waits for
    `wait_seconds`, the ticket for `expires_seconds`.
    """

    server: str
    method: str
    target: str
    principal: str
    client: str
    digest: str
    policy: str
    arguments: JsonObject
    reasons: tuple[str, ...]
    at: datetime
    wait_seconds: float
    expires_seconds: float


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a person said yes; the ticket, its state, and who decided by what."""

    granted: bool
    ticket: str
    state: TicketState
    by: str = ""


Question = VerifyToken | Count | AskPerson
Answer = Verified | Counted | Confirmed


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """The question of a guard."""

    question: Question
