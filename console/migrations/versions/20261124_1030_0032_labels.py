"""Labels, and the reasons that are given before an item of somebody else is opened."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TABLES = ("labels", "item_labels", "opening_reasons")


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("items >= 0", name=op.f("ck_labels_items")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_labels")),
        sa.UniqueConstraint("tenant_id", "digest", name=op.f("uq_labels_tenant_id_digest")),
    )
    op.create_table(
        "item_labels",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("label_id", sa.Uuid(), nullable=False),
        _reference("item_labels", "item_id", "items"),
        _reference("item_labels", "label_id", "labels"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_item_labels")),
        sa.UniqueConstraint("tenant_id", "item_id", "label_id", name=op.f("uq_item_labels_tenant_id_item_id_label_id")),
    )
    op.create_index("ix_item_labels_label", "item_labels", ["tenant_id", "label_id", "item_id"], unique=False)
    op.create_table(
        "opening_reasons",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        _reference("opening_reasons", "session_id", "sessions"),
        _reference("opening_reasons", "item_id", "items"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_opening_reasons")),
        sa.UniqueConstraint(
            "tenant_id", "session_id", "item_id", name=op.f("uq_opening_reasons_tenant_id_session_id_item_id")
        ),
    )
    force_row_security(*TABLES)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{to}.tenant_id", f"{to}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
        ondelete="CASCADE",
    )
