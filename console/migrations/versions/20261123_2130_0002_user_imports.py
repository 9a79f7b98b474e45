"""Imports of users: the file's rows, sealed, with what was decided about each."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "user_imports",
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("applied_added", sa.Integer(), nullable=False),
        sa.Column("applied_changed", sa.Integer(), nullable=False),
        sa.Column("invite", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("applied_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("rows_dropped_at", UtcDateTime(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('checking','ready','running','done','cancelled','failed')", name=op.f("ck_user_imports_state")
        ),
        sa.CheckConstraint(
            "(state IN ('checking','ready','running')) = (finished_at IS NULL)", name=op.f("ck_user_imports_finished")
        ),
        sa.CheckConstraint(
            "state NOT IN ('running','done') OR applied_by IS NOT NULL", name=op.f("ck_user_imports_applied_by")
        ),
        sa.CheckConstraint("position BETWEEN 0 AND total", name=op.f("ck_user_imports_position")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_user_imports")),
    )
    with op.batch_alter_table("user_imports", schema=None) as batch_op:
        batch_op.create_index("ix_user_imports_created", ["tenant_id", "created_at"], unique=False)

    op.create_table(
        "user_import_chunks",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("administrators_change", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["user_imports.tenant_id", "user_imports.id"],
            name=op.f("fk_user_import_chunks_tenant_id_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_user_import_chunks")),
        sa.UniqueConstraint(
            "tenant_id", "import_id", "first_row", name=op.f("uq_user_import_chunks_tenant_id_import_id_first_row")
        ),
    )
    force_row_security("user_imports", "user_import_chunks")


def downgrade() -> None:
    op.drop_table("user_import_chunks")
    with op.batch_alter_table("user_imports", schema=None) as batch_op:
        batch_op.drop_index("ix_user_imports_created")

    op.drop_table("user_imports")
