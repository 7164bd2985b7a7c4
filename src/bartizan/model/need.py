"""Need: what a guard asks of the world before it can decide. The app answers within a deadline, and asks again.

An unanswered Need is Deny.
"""

from datetime import datetime

import msgspec

from bartizan.model.json import JsonObject
from bartizan.model.policy import Exposure
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


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """So much from one budget, where less than `most` was used of it within the window that ends now."""

    key: str
    window_seconds: float
    most: int
    amount: int = 1


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Take from shared budgets, from all or none. The answer: Counted. Replicas that share a store share budgets."""

    takes: tuple[Take, ...]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there was something left; else of what budget there was not, and when there will be again."""

    granted: bool
    retry_after_seconds: float = 0.0
    key: str = ""


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


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How is this server reached by those who go around the gateway? The answer: Reached."""

    server: str


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with it, each in words for people; nothing where it is reached as it should be."""

    found: dict[Exposure, str] = {}


Question = VerifyToken | Count | AskPerson | Reach
Answer = Verified | Counted | Confirmed | Reached


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """The question of a guard."""

    question: Question
