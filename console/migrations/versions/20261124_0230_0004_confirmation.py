"""Confirmed browsers, networks where people were seen, codes by which sign-ins are confirmed, and their counts a day."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("browsers", sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("browsers", sa.Column("confirmed_at", UtcDateTime(), nullable=True))
    op.add_column("browsers", sa.Column("remembered_until", UtcDateTime(), nullable=True))
    op.create_table(
        "networks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], name=op.f("fk_networks_tenant_id_user_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_networks")),
        sa.UniqueConstraint("tenant_id", "user_id", "digest", name=op.f("uq_networks_tenant_id_user_id_digest")),
    )
    op.create_index("ix_networks_seen", "networks", ["tenant_id", "last_seen_at"])
    op.create_table(
        "confirmations",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("asker", sa.LargeBinary(length=32), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("denied_at", UtcDateTime(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('mail','telephone','link')", name=op.f("ck_confirmations_kind")),
        sa.CheckConstraint("(kind = 'mail') = (session_id IS NOT NULL)", name=op.f("ck_confirmations_session")),
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name=op.f("ck_confirmations_tries")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], name=op.f("fk_confirmations_tenant_id_user_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_confirmations")),
    )
    op.create_index("ix_confirmations_user", "confirmations", ["tenant_id", "user_id", "kind"])
    op.create_index("ix_confirmations_session", "confirmations", ["tenant_id", "session_id"])
    op.create_index("ix_confirmations_created", "confirmations", ["tenant_id", "created_at"])
    op.create_table(
        "confirmation_days",
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_confirmation_days")),
        sa.UniqueConstraint("tenant_id", "on_date", name=op.f("uq_confirmation_days_tenant_id_on_date")),
    )
    force_row_security("networks", "confirmations", "confirmation_days")


def downgrade() -> None:
    op.drop_table("confirmation_days")
    op.drop_table("confirmations")
    op.drop_table("networks")
    with op.batch_alter_table("browsers") as batch_op:
        batch_op.drop_column("remembered_until")
        batch_op.drop_column("confirmed_at")
        batch_op.drop_column("epoch")
