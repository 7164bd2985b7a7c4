"""What a session asks of whoever carries it out, and how its looks ended."""

import msgspec

from bartizan.model.coverage import Outcome
from bartizan.ports import Message


class Send(msgspec.Struct, frozen=True):
    """Send this message."""

    message: Message


class Finished(msgspec.Struct, frozen=True):
    """Nothing more will be asked; close the transport."""


Effect = Send | Finished


class PartLook(msgspec.Struct, frozen=True, kw_only=True):
    """How the look at one part of a server ended."""

    part: str
    outcome: Outcome
    reason: str = ""
