"""Legal holds and what they name; how long data is kept is one more kind of numbered versions."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

KINDS = "'ip_ranges','settings'"


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("custodian_id", sa.Uuid(), nullable=True),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("placed_by", sa.Uuid(), nullable=True),
        sa.Column("placed_at", UtcDateTime(), nullable=False),
        sa.Column("lift_asked_by", sa.Uuid(), nullable=True),
        sa.Column("lift_asked_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("scope IN ('everything','custodian','items')", name=op.f("ck_holds_scope")),
        sa.CheckConstraint("(scope = 'custodian') = (custodian_id IS NOT NULL)", name=op.f("ck_holds_custodian")),
        sa.CheckConstraint("(lift_asked_by IS NULL) = (lift_asked_at IS NULL)", name=op.f("ck_holds_asked")),
        sa.CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name=op.f("ck_holds_lifted")),
        sa.CheckConstraint(
            "lifted_by IS NULL OR (lift_asked_by IS NOT NULL AND lifted_by <> lift_asked_by)",
            name=op.f("ck_holds_two_people"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "custodian_id"],
            ["custodians.tenant_id", "custodians.id"],
            name=op.f("fk_holds_tenant_id_custodian_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_lifted", "holds", ["tenant_id", "lifted_at"])
    op.create_table(
        "held_items",
        sa.Column("hold_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "hold_id"], ["holds.tenant_id", "holds.id"], name=op.f("fk_held_items_tenant_id_hold_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id"], ["items.tenant_id", "items.id"], name=op.f("fk_held_items_tenant_id_item_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_held_items")),
        sa.UniqueConstraint("tenant_id", "hold_id", "item_id", name=op.f("uq_held_items_tenant_id_hold_id_item_id")),
    )
    op.create_index("ix_held_items_item", "held_items", ["tenant_id", "item_id"])
    force_row_security("holds", "held_items")
    op.add_column("search_segments", sa.Column("removed", sa.Integer(), nullable=False, server_default="0"))
    _allow("kind IN ('ip_ranges','retention','settings')")


def downgrade() -> None:
    op.execute("DELETE FROM policy_versions WHERE kind = 'retention'")
    op.execute("DELETE FROM policy_heads WHERE kind = 'retention'")
    _allow(f"kind IN ({KINDS})")
    op.drop_column("search_segments", "removed")
    op.drop_table("held_items")
    op.drop_table("holds")


def _allow(condition: str) -> None:
    """Numbered versions are of these kinds, and no others."""
    for table in ("policy_versions", "policy_heads"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(op.f(f"ck_{table}_kind"), type_="check")
            batch_op.create_check_constraint(op.f(f"ck_{table}_kind"), condition)
