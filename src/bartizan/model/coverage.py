"""Coverage: what was looked at, what was not, and why. Nothing incomplete reads as clean."""

from enum import StrEnum

import msgspec

from bartizan.model.errors import Place

# The part of a look that says that a server repeated a credential which it was given.
REDACTION = "redaction"


class Outcome(StrEnum):
    """How a look ended. Everything but `looked` and `absent` makes a result incomplete."""

    LOOKED = "looked"
    ABSENT = "absent"  # looked for, and it is not there or not offered
    SKIPPED = "skipped"  # not looked at, on purpose
    TRUNCATED = "truncated"  # a limit cut it
    FAILED = "failed"


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was to be looked at. `subject` is an asset id, or empty for the machine as a whole.

    `part` is what of it: `configuration`, `processes`, `start`, `tools`, `prompts`, `resources`, `authorization`, ...
    """

    subject: str = ""
    part: str
    outcome: Outcome
    reason: str = ""
    place: Place | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.outcome in {Outcome.LOOKED, Outcome.ABSENT}
