"""Need: what a guard asks of the world before it can decide. The app answers within a deadline, and asks again.

An unanswered Need is Deny.
"""

import msgspec

from bartizan.model.principal import Principal
from bartizan.model.secret import Secret


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


Question = VerifyToken | Count
Answer = Verified | Counted


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """The question of a guard."""

    question: Question
