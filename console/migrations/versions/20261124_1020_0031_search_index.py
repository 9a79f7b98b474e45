"""The sealed search index: segments, each over a run of items, and their buckets; indexes that lists walk through."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLES = ("search_segments", "search_buckets")


def upgrade() -> None:
    _search_segments()
    _search_buckets()
    _item_indexes("number", "quarantined_for")
    force_row_security(*TABLES)


def downgrade() -> None:
    _item_indexes()
    for table in reversed(TABLES):
        op.drop_table(table)


def _search_segments() -> None:
    op.create_table(
        "search_segments",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("bits", sa.Integer(), nullable=False),
        sa.Column("first_number", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("into_id", sa.Uuid(), nullable=True),
        sa.Column("built", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("bits BETWEEN 0 AND 16 AND items >= 0", name=op.f("ck_search_segments_sizes")),
        sa.CheckConstraint("state IN ('building','standby','ready','gone')", name=op.f("ck_search_segments_state")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_search_segments")),
    )
    op.create_index("ix_search_segments_state", "search_segments", ["tenant_id", "state", "level"], unique=False)


def _search_buckets() -> None:
    op.create_table(
        "search_buckets",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "segment_id"],
            ["search_segments.tenant_id", "search_segments.id"],
            name=op.f("fk_search_buckets_tenant_id_segment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_search_buckets")),
        sa.UniqueConstraint(
            "tenant_id", "segment_id", "bucket", name=op.f("uq_search_buckets_tenant_id_segment_id_bucket")
        ),
    )


def _item_indexes(*more: str) -> None:
    """The two orders of the list, with what a walk through it asks for besides."""
    for name, columns in (("ix_items_dated", ()), ("ix_items_custodian_dated", ("custodian_id",))):
        op.drop_index(name, table_name="items")
        op.create_index(name, "items", ["tenant_id", *columns, "dated_at", "id", *more], unique=False)
