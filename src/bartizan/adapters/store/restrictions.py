"""SqlRestrictions: the port `Restrictions` in the store's database."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select

from bartizan.adapters.store import schema
from bartizan.adapters.store.door import document_in, document_out
from bartizan.adapters.store.opening import open_engine
from bartizan.model.restriction import Restriction
from bartizan.model.secret import Secret


class SqlRestrictions:
    """Restrictions in SQLite or PostgreSQL, by URL. Raises UsageError with a remedy when opened."""

    def __init__(self, url: str | Secret) -> None:
        self._engine = open_engine(url.reveal() if isinstance(url, Secret) else url)
        self._writer = self._engine.execution_options(writes=True)

    def put(self, restriction: Restriction) -> bool:
        """Keep one, whole; whether it was new. One of the same id stays as it is: what was lifted is not put again."""
        table = schema.restrictions
        with self._writer.begin() as connection:
            if connection.scalar(select(table.c.id).where(table.c.id == restriction.id)) is not None:
                return False
            values = {"id": restriction.id, "since": restriction.since, "document": document_in(restriction)}
            connection.execute(table.insert().values(open=1, **values))
            return True

    def lift(self, identity: str, *, by: str, at: datetime) -> Restriction | None:
        """Lift one that is in force; None where there is none."""
        table = schema.restrictions
        with self._writer.begin() as connection:
            found = connection.scalar(select(table.c.document).where(table.c.id == identity, table.c.open == 1))
            if found is None:
                return None
            lifted = msgspec.structs.replace(document_out(found, Restriction), lifted_by=by, lifted_at=at)
            connection.execute(
                table.update().where(table.c.id == identity).values(open=0, document=document_in(lifted))
            )
            return lifted

    def in_force(self, at: datetime) -> Sequence[Restriction]:
        """Those that hold, the oldest first."""
        table = schema.restrictions
        query = select(table.c.document).where(table.c.open == 1).order_by(table.c.since, table.c.id)
        with self._engine.begin() as connection:
            told = [document_out(document, Restriction) for document in connection.scalars(query).all()]
        return [one for one in told if one.holds(at)]

    def close(self) -> None:
        """Release what is held."""
        self._engine.dispose()
