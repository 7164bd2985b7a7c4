"""Restriction: what is not permitted for the time being, whatever policy says: the kill switch, and what contains."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Restrained(StrEnum):
    """What becomes of calls that a restriction is about."""

    DENY = "deny"  # nothing passes, answers that are under way included
    READ_ONLY = "read_only"  # only tools that policy says only read
    CONFIRM = "confirm"  # a person says yes to each


class Restriction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One restriction. It is about the calls of which everything holds that it says; saying nothing, about all.

    `until` None holds until somebody lifts it who proves to be a person.
    """

    id: str
    effect: Restrained = Restrained.DENY
    server: str = ""
    tool: str = ""
    principal: str = ""
    client: str = ""
    reason: str
    by: str
    since: datetime
    until: datetime | None = None
    lifted_by: str = ""
    lifted_at: datetime | None = None

    @property
    def scope(self) -> str:
        """What it is about, in words."""
        said = [
            f"{name} {value}" for name in ("server", "tool", "principal", "client") if (value := getattr(self, name))
        ]
        return ", ".join(said) or "everything"

    def holds(self, at: datetime) -> bool:
        """Whether it is in force."""
        return self.lifted_at is None and (self.until is None or at < self.until)
