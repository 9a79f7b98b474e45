"""Passkeys, recovery codes, and what passkeys were asked to sign."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _of_person(table: str) -> tuple[sa.Column[object] | sa.Constraint, ...]:
    return (
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], name=op.f(f"fk_{table}_tenant_id")
        ),
    )


def upgrade() -> None:
    op.add_column("totp_factors", sa.Column("last_used_at", UtcDateTime(), nullable=True))
    op.create_table(
        "passkeys",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("doubted_at", UtcDateTime(), nullable=True),
        *_of_person("passkeys"),
        sa.UniqueConstraint("tenant_id", "digest", name=op.f("uq_passkeys_tenant_id_digest")),
    )
    op.create_index("ix_passkeys_user", "passkeys", ["tenant_id", "user_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        *_of_person("recovery_codes"),
        sa.UniqueConstraint("tenant_id", "user_id", "digest", name=op.f("uq_recovery_codes_tenant_id_user_id_digest")),
    )
    op.create_table(
        "passkey_challenges",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        *_of_person("passkey_challenges"),
        sa.CheckConstraint("purpose IN ('add','prove')", name=op.f("ck_passkey_challenges_purpose")),
    )
    op.create_index("ix_passkey_challenges_session", "passkey_challenges", ["tenant_id", "session_id"])
    force_row_security("passkeys", "recovery_codes", "passkey_challenges")


def downgrade() -> None:
    op.drop_table("passkey_challenges")
    op.drop_table("recovery_codes")
    op.drop_table("passkeys")
    with op.batch_alter_table("totp_factors") as table:
        table.drop_column("last_used_at")
