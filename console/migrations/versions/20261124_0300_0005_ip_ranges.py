"""IP ranges: drafts, who was seen where, who was kept out, and lifts by two people of the staff."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("ip_range_drafts", "ip_sightings", "ip_refusals", "ip_range_lifts")


def upgrade() -> None:
    op.create_table(
        "ip_range_drafts",
        sa.Column("based_on", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edited_at", UtcDateTime(), nullable=False),
        sa.Column("edited_by", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        *_key("ip_range_drafts"),
    )
    _sightings()
    _refusals()
    _lifts()
    force_row_security(*TABLES)


def _sightings() -> None:
    op.create_table(
        "ip_sightings",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sign_ins", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        *_key("ip_sightings"),
        _user("ip_sightings"),
        sa.UniqueConstraint(
            "tenant_id", "user_id", "digest", "on_date", name=op.f("uq_ip_sightings_tenant_id_user_id_digest_on_date")
        ),
    )
    with op.batch_alter_table("ip_sightings", schema=None) as batch_op:
        batch_op.create_index("ix_ip_sightings_on_date", ["tenant_id", "on_date"], unique=False)


def _refusals() -> None:
    op.create_table(
        "ip_refusals",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("hour_at", UtcDateTime(), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        *_key("ip_refusals"),
        _user("ip_refusals"),
        sa.CheckConstraint("mode IN ('report','enforce')", name=op.f("ck_ip_refusals_mode")),
        sa.CheckConstraint("count > 0", name=op.f("ck_ip_refusals_count")),
        sa.UniqueConstraint(
            "tenant_id",
            "user_id",
            "digest",
            "hour_at",
            "mode",
            name=op.f("uq_ip_refusals_tenant_id_user_id_digest_hour_at_mode"),
        ),
        sa.UniqueConstraint("tenant_id", "reference", name=op.f("uq_ip_refusals_tenant_id_reference")),
    )
    with op.batch_alter_table("ip_refusals", schema=None) as batch_op:
        batch_op.create_index("ix_ip_refusals_last_at", ["tenant_id", "last_at"], unique=False)
        batch_op.create_index("ix_ip_refusals_digest", ["tenant_id", "digest"], unique=False)


def _lifts() -> None:
    op.create_table(
        "ip_range_lifts",
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("until_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        *_key("ip_range_lifts"),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> asked_by", name=op.f("ck_ip_range_lifts_two_people")),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_ip_range_lifts_approved")),
        sa.CheckConstraint("hours BETWEEN 1 AND 24", name=op.f("ck_ip_range_lifts_hours")),
    )
    with op.batch_alter_table("ip_range_lifts", schema=None) as batch_op:
        batch_op.create_index("ix_ip_range_lifts_asked_at", ["tenant_id", "asked_at"], unique=False)


def _key(table: str) -> tuple[sa.Column, sa.Column, sa.PrimaryKeyConstraint]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def _user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], name=op.f(f"fk_{table}_tenant_id_user_id")
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
