"""Customer Data: custodians, items, small items' bytes, imports with their files and findings, and the figures."""

import sqlalchemy as sa
from alembic import op

from console.core.db import UtcDateTime
from console.migrations.row_security import force_row_security

revision = "0030"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = (
    "data_totals",
    "custodians",
    "data_imports",
    "item_months",
    "data_import_files",
    "items",
    "data_import_findings",
    "data_import_slices",
    "item_contents",
)


def upgrade() -> None:
    _data_totals()
    _custodians()
    _data_imports()
    _item_months()
    _data_import_files()
    _items()
    _data_import_findings()
    _data_import_slices()
    _item_contents()
    force_row_security(*TABLES)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _data_totals() -> None:
    op.create_table(
        "data_totals",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("damaged", sa.Integer(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("items >= 0 AND size_bytes >= 0", name=op.f("ck_data_totals_counts")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_data_totals")),
    )


def _custodians() -> None:
    op.create_table(
        "custodians",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("address_digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("items >= 0 AND size_bytes >= 0", name=op.f("ck_custodians_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], name=op.f("fk_custodians_tenant_id_user_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_custodians")),
        sa.UniqueConstraint("tenant_id", "address_digest", name=op.f("uq_custodians_tenant_id_address_digest")),
    )
    op.create_index("ix_custodians_user", "custodians", ["tenant_id", "user_id"], unique=False)


def _data_imports() -> None:
    op.create_table(
        "data_imports",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("custodian_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("file_place", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), nullable=False),
        sa.Column("seen_items", sa.BigInteger(), nullable=False),
        sa.Column("seen_bytes", sa.BigInteger(), nullable=False),
        sa.Column("imported_items", sa.BigInteger(), nullable=False),
        sa.Column("imported_bytes", sa.BigInteger(), nullable=False),
        sa.Column("duplicate_items", sa.BigInteger(), nullable=False),
        sa.Column("duplicate_bytes", sa.BigInteger(), nullable=False),
        sa.Column("quarantined_items", sa.BigInteger(), nullable=False),
        sa.Column("quarantined_bytes", sa.BigInteger(), nullable=False),
        sa.Column("refused_items", sa.BigInteger(), nullable=False),
        sa.Column("refused_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "(state IN ('receiving','running')) = (finished_at IS NULL)", name=op.f("ck_data_imports_finished")
        ),
        sa.CheckConstraint("source IN ('upload','command')", name=op.f("ck_data_imports_source")),
        sa.CheckConstraint(
            "state IN ('receiving','running','done','cancelled','failed')", name=op.f("ck_data_imports_state")
        ),
        sa.CheckConstraint(
            "seen_bytes = imported_bytes + duplicate_bytes + quarantined_bytes + refused_bytes",
            name=op.f("ck_data_imports_balance_bytes"),
        ),
        sa.CheckConstraint(
            "seen_items = imported_items + duplicate_items + quarantined_items + refused_items",
            name=op.f("ck_data_imports_balance_items"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "custodian_id"],
            ["custodians.tenant_id", "custodians.id"],
            name=op.f("fk_data_imports_tenant_id_custodian_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_data_imports")),
    )
    op.create_index("ix_data_imports_created", "data_imports", ["tenant_id", "created_at"], unique=False)


def _item_months() -> None:
    op.create_table(
        "item_months",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("custodian_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("items >= 0 AND size_bytes >= 0", name=op.f("ck_item_months_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "custodian_id"],
            ["custodians.tenant_id", "custodians.id"],
            name=op.f("fk_item_months_tenant_id_custodian_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_item_months")),
        sa.UniqueConstraint(
            "tenant_id", "month", "custodian_id", name=op.f("uq_item_months_tenant_id_month_custodian_id")
        ),
    )


def _data_import_files() -> None:
    op.create_table(
        "data_import_files",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("received_bytes BETWEEN 0 AND size_bytes", name=op.f("ck_data_import_files_received")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["data_imports.tenant_id", "data_imports.id"],
            name=op.f("fk_data_import_files_tenant_id_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_data_import_files")),
        sa.UniqueConstraint(
            "tenant_id", "import_id", "place", name=op.f("uq_data_import_files_tenant_id_import_id_place")
        ),
    )


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("custodian_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("media", sa.String(length=10), nullable=False),
        sa.Column("dated_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("attachments", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=True),
        sa.Column("quarantined_for", sa.String(length=40), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("integrity", sa.String(length=10), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("integrity IN ('sound','damaged','missing')", name=op.f("ck_items_integrity")),
        sa.CheckConstraint("kind IN ('message','document')", name=op.f("ck_items_kind")),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_items_size_bytes")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "blob_id"], ["blobs.tenant_id", "blobs.id"], name=op.f("fk_items_tenant_id_blob_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "custodian_id"],
            ["custodians.tenant_id", "custodians.id"],
            name=op.f("fk_items_tenant_id_custodian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["data_imports.tenant_id", "data_imports.id"],
            name=op.f("fk_items_tenant_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_items")),
        sa.UniqueConstraint("tenant_id", "fingerprint", name=op.f("uq_items_tenant_id_fingerprint")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_items_tenant_id_number")),
    )
    op.create_index("ix_items_custodian_dated", "items", ["tenant_id", "custodian_id", "dated_at", "id"], unique=False)
    op.create_index("ix_items_dated", "items", ["tenant_id", "dated_at", "id"], unique=False)
    op.create_index("ix_items_import", "items", ["tenant_id", "import_id", "number"], unique=False)


def _data_import_findings() -> None:
    op.create_table(
        "data_import_findings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('duplicate','quarantined','refused','ambiguous')", name=op.f("ck_data_import_findings_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["data_imports.tenant_id", "data_imports.id"],
            name=op.f("fk_data_import_findings_tenant_id_import_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id"],
            ["items.tenant_id", "items.id"],
            name=op.f("fk_data_import_findings_tenant_id_item_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_data_import_findings")),
    )
    op.create_index(
        "ix_data_import_findings_place",
        "data_import_findings",
        ["tenant_id", "import_id", "outcome", "place"],
        unique=False,
    )


def _data_import_slices() -> None:
    op.create_table(
        "data_import_slices",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_data_import_slices_size_bytes")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "blob_id"],
            ["blobs.tenant_id", "blobs.id"],
            name=op.f("fk_data_import_slices_tenant_id_blob_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "file_id"],
            ["data_import_files.tenant_id", "data_import_files.id"],
            name=op.f("fk_data_import_slices_tenant_id_file_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_data_import_slices")),
        sa.UniqueConstraint(
            "tenant_id", "file_id", "start", name=op.f("uq_data_import_slices_tenant_id_file_id_start")
        ),
    )


def _item_contents() -> None:
    op.create_table(
        "item_contents",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["items.tenant_id", "items.id"],
            name=op.f("fk_item_contents_tenant_id_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_item_contents")),
    )
