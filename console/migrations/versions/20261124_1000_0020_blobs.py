"""Sealed blobs: their wrapped keys, sizes and hashes; what is stored lies in the blob store."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0020"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("plaintext_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("plaintext_bytes >= 0 AND stored_bytes > plaintext_bytes", name=op.f("ck_blobs_sizes")),
        sa.CheckConstraint("length(stored_sha256) = 32", name=op.f("ck_blobs_hash")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_blobs")),
    )
    op.create_index("ix_blobs_key_version", "blobs", ["tenant_id", "key_version"])
    force_row_security("blobs")


def downgrade() -> None:
    op.drop_table("blobs")
