"""Run migrations on the connection that `console.core.schema` hands over, or on the installation's own database."""

from alembic import context

from console.core.schema import owner_engine
from console.core.settings import load_settings
from console.registry import METADATA


def run() -> None:
    """Migrate within one transaction; SQLite alters tables by copying them."""
    given = context.config.attributes.get("connection")
    if given is not None:
        _run_on(given)
        return
    with owner_engine(load_settings()).begin() as connection:
        _run_on(connection)


def _run_on(connection: object) -> None:
    context.configure(
        connection=connection,  # type: ignore[arg-type]
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
        user_module_prefix="console.core.db.",
    )
    with context.begin_transaction():
        context.run_migrations()


run()
