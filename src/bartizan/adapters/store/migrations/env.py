"""Alembic runs this for each upgrade. The connection, its transaction and its lock are the caller's."""

from alembic import context

from bartizan.adapters.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
