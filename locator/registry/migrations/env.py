"""Run migrations on the connection that the store hands over."""

from alembic import context

from locator.registry.schema import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
