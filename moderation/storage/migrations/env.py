"""Run by Alembic; `moderation.storage.migrate.upgrade` starts it with an open transaction."""

from alembic import context

from moderation.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
