"""Row-level security for a tenant's table: the second fence on PostgreSQL, for migrations to call."""

from alembic import op

from console.core.isolation import OWN_ROWS


def force_row_security(*tables: str) -> None:
    """Only rows of the transaction's tenant are visible or can be written, also to the tables' owner."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_tenant ON {table} USING ({OWN_ROWS}) WITH CHECK ({OWN_ROWS})")
