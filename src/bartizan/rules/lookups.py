"""Lookups: tables whose rows change, asked as of the time of an event."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bartizan.rules.detection import Lookup


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a table says of `key` from `since` on (milliseconds since 1970; 0: always), until its next row.

    `gone`: from then on the table has no row for it. A row without a tenant is for every tenant that has none of its
    own in this table.
    """

    key: str
    since: int = 0
    columns: Mapping[str, tuple[str, ...]] = {}
    gone: bool = False
    tenant: str = ""


class Table:
    """The rows of a table, by key and time. Letters of both cases are equal, in keys and in values."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._times: dict[tuple[str, str], list[int]] = {}
        self._rows: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(rows, key=lambda row: row.since):
            at = (row.tenant, row.key.casefold())
            self._times.setdefault(at, []).append(row.since)
            self._rows.setdefault(at, []).append(row)

    def as_of(self, key: str, time: int, tenant: str = "") -> Row | None:
        """What the table said of a key at a time: its last row of then. Of two rows of one time the later one given."""
        at = (tenant, key.casefold())
        times = self._times.get(at)
        if times is None:
            return self.as_of(key, time) if tenant else None
        found = bisect_right(times, time)
        row = self._rows[at][found - 1] if found else None
        return None if row is None or row.gone else row


Tables = Mapping[str, Table]


def passes(tables: Tables, lookup: Lookup, keys: Sequence[str], tenant: str, time: int) -> bool:
    """Whether any of the values passes the lookup; a field without a value passes none.

    With `absent` the table has no row for the value, or, where a column is named, none whose column is one of `values`.
    """
    table = tables[lookup.table]
    return any(_has(table.as_of(key, time, tenant), lookup) is not lookup.absent for key in keys)


def _has(row: Row | None, lookup: Lookup) -> bool:
    if row is None or not lookup.column:
        return row is not None
    wanted = {value.casefold() for value in lookup.values}
    return any(value.casefold() in wanted for value in row.columns.get(lookup.column, ()))
