"""What rules on events ask beside the events: tables, and when people work."""

from collections.abc import Mapping

import msgspec

from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.hours import Calendar
from bartizan.rules.lookups import Table


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Given to the engine; tables are replaced as a whole when they change, and asked as of the time of an event."""

    tables: Mapping[str, Table] = {}
    calendar: Calendar = Calendar()
    limits: Limits = DEFAULT
