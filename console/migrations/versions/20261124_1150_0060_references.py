"""What refers to items and blobs is found without reading whole tables, when one of these goes."""

from alembic import op

revision = "0060"
down_revision = "0050"

INDEXES = {
    "ix_items_blob": ("items", "blob_id"),
    "ix_data_import_slices_blob": ("data_import_slices", "blob_id"),
    "ix_data_import_findings_item": ("data_import_findings", "item_id"),
    "ix_opening_reasons_item": ("opening_reasons", "item_id"),
}


def upgrade() -> None:
    for name, (table, column) in INDEXES.items():
        op.create_index(name, table, ["tenant_id", column])


def downgrade() -> None:
    for name, (table, _column) in INDEXES.items():
        op.drop_index(name, table_name=table)
