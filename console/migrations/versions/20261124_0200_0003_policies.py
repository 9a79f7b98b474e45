"""A Customer's choices about its security, as versions, and which of them is in force."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('ip_ranges','settings')", name=op.f("ck_policy_versions_kind")),
        sa.CheckConstraint("number > 0", name=op.f("ck_policy_versions_number")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_policy_versions")),
        sa.UniqueConstraint("tenant_id", "kind", "number", name=op.f("uq_policy_versions_tenant_id_kind_number")),
    )
    op.create_table(
        "policy_heads",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("fallback", sa.Integer(), nullable=True),
        sa.Column("trial_ends_at", UtcDateTime(), nullable=True),
        sa.Column("trial_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_until", UtcDateTime(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('ip_ranges','settings')", name=op.f("ck_policy_heads_kind")),
        sa.CheckConstraint("(fallback IS NULL) = (trial_ends_at IS NULL)", name=op.f("ck_policy_heads_trial")),
        sa.CheckConstraint("fallback IS NULL OR fallback < number", name=op.f("ck_policy_heads_fallback")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_policy_heads")),
        sa.UniqueConstraint("tenant_id", "kind", name=op.f("uq_policy_heads_tenant_id_kind")),
    )
    force_row_security("policy_versions", "policy_heads")


def downgrade() -> None:
    op.drop_table("policy_heads")
    op.drop_table("policy_versions")
