"""Decision: a judgement in time to matter. The strictest of all guards wins."""

from enum import StrEnum

import msgspec

from bartizan.model.json import JsonObject


class Effect(StrEnum):
    """What is to be done with a message, from the mildest to the strictest."""

    ALLOW = "allow"
    ANNOTATE = "annotate"
    REDACT = "redact"
    HIDE = "hide"
    HOLD = "hold"
    DENY = "deny"

    @property
    def rank(self) -> int:
        """0 for allow to 5 for deny."""
        return _RANKS[self]


_RANKS = {effect: rank for rank, effect in enumerate(Effect)}


class Refusal(StrEnum):
    """What a refusal is on the wire. Everything a model may read is one short sentence with an id."""

    TOOL_ERROR = "tool_error"  # a result with isError: the model reads it
    NOT_FOUND = "not_found"  # as if it did not exist: -32602 for tools and prompts, -32002 for resources
    UNAUTHENTICATED = "unauthenticated"  # 401 with WWW-Authenticate (RFC 6750, RFC 9728)
    INSUFFICIENT_SCOPE = "insufficient_scope"  # 403 with the scopes that would do (RFC 6750, section 3.1)
    TOO_MANY = "too_many"  # 429 with Retry-After
    INVALID = "invalid"  # -32600 or -32602: the message is not what the protocol has
    CONFIRM = "confirm"  # a person must confirm it; the ticket's id is told
    UNAVAILABLE = "unavailable"  # 503: a guard could not decide in time


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A string of a message that becomes another. `pointer` is a JSON Pointer into the whole JSON-RPC message.

    With `key` it is the name of the member that changes, not its value.
    """

    pointer: str
    text: str
    key: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a guard, or all of them, decided. `reason` is for people and Events; a model never reads it.

    `exception` is the line of policy or suppression that would permit it. `challenge` holds parameters of
    `WWW-Authenticate`. `retry_after_seconds` goes with TOO_MANY. `dry` marks what was only noted. `edits` go with
    REDACT, `note` with ANNOTATE: what a model is told beside a result, in our words alone. `ticket` goes with CONFIRM.
    """

    effect: Effect
    guard: str = ""
    reason: str = ""
    refusal: Refusal = Refusal.TOOL_ERROR
    exception: str = ""
    rule: str = ""
    challenge: JsonObject = {}
    retry_after_seconds: float = 0.0
    dry: bool = False
    edits: tuple[Edit, ...] = ()
    note: str = ""
    ticket: str = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided of a message that a server sent: the strictest, and all that it takes to carry it out."""

    decision: Decision
    decisions: tuple[Decision, ...] = ()
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()


ALLOWED = Decision(effect=Effect.ALLOW)


def strictest(decisions: list[Decision]) -> Decision:
    """The strictest, the first of equals; what was only noted never wins."""
    if decisions.count(ALLOWED) == len(decisions):  # nearly every call
        return ALLOWED
    real = [one for one in decisions if not one.dry]
    return max(real, key=lambda one: one.effect.rank, default=ALLOWED)
