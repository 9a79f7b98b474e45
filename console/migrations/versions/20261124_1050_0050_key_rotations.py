"""Replacements of keys; and on PostgreSQL, the audit record's seals can be made anew, and nothing else of it."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0050"
down_revision = "0033"
branch_labels = None
depends_on = None

# Whoever owns the table is not held: no trigger could hold it. The application has UPDATE on that one column only.
_ONLY_ANEW = """
CREATE FUNCTION safekeep_only_sealed_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
        RETURN NEW;
    END IF;
    IF length(NEW.sealed) <> length(OLD.sealed) OR substr(NEW.sealed, 1, 1) <> substr(OLD.sealed, 1, 1)
        OR substr(NEW.sealed, 2, 4) <= substr(OLD.sealed, 2, 4) THEN
        RAISE EXCEPTION 'an entry of the audit record can only be sealed anew under a newer key';
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "key_rotations",
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("place", sa.String(length=80), nullable=True),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.Column("walks", sa.Integer(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("remaining", sa.JSON(), nullable=False),
        sa.Column("unreadable", sa.JSON(), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued','making','sealing','settling','checking','stopped','done')",
            name=op.f("ck_key_rotations_state"),
        ),
        sa.CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name=op.f("ck_key_rotations_finished")),
        sa.CheckConstraint("state <> 'done' OR counted_at IS NOT NULL", name=op.f("ck_key_rotations_counted")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_key_rotations")),
    )
    under_way = sa.text("finished_at IS NULL")
    op.create_index(
        "uq_key_rotations_under_way",
        "key_rotations",
        ["tenant_id"],
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
    op.create_index("ix_key_rotations_created", "key_rotations", ["tenant_id", "created_at"])
    force_row_security("key_rotations")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_ONLY_ANEW)
        op.execute(
            "CREATE TRIGGER only_sealed_anew BEFORE UPDATE ON audit_entries"
            " FOR EACH ROW EXECUTE FUNCTION safekeep_only_sealed_anew()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER only_sealed_anew ON audit_entries")
        op.execute("DROP FUNCTION safekeep_only_sealed_anew()")
    op.drop_table("key_rotations")
