"""The key store's tables. They hold wrapped keys only: nothing here opens anything without the root key."""

import sqlalchemy as sa

from console.core.db import UtcDateTime

STORE_FORMAT = 1
"""Rises when the tables change in a way that an older program would misread."""

PRIMARY = "primary"
DECRYPT_ONLY = "decrypt_only"
RETIRING = "retiring"
DESTROYED = "destroyed"

metadata = sa.MetaData()

installation = sa.Table(
    "installation",
    metadata,
    sa.Column("number", sa.Integer, sa.CheckConstraint("number = 1", name="one_installation"), primary_key=True),
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column("root_version", sa.Integer, nullable=False),
    sa.Column("canary", sa.LargeBinary, nullable=False),
)
"""One row. The canary is a known text wrapped under the root key: it opens, or the root key is not ours."""

roots = sa.Table(
    "roots",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)
"""Every root key version that ever wrapped here. Rows outlive the root: they name what is gone."""

tenant_keys = sa.Table(
    "tenant_keys",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("provider", sa.String(40), nullable=False),
    sa.Column("root_version", sa.Integer, sa.ForeignKey("roots.version"), nullable=False),
    sa.Column("wrapped", sa.LargeBinary),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("destroyed_at", UtcDateTime),
    sa.CheckConstraint(f"state in ('{PRIMARY}', '{DECRYPT_ONLY}', '{RETIRING}', '{DESTROYED}')", name="known_state"),
    sa.CheckConstraint(f"(state = '{DESTROYED}') = (wrapped is null)", name="destroyed_is_gone"),
    sa.CheckConstraint(f"(state = '{DESTROYED}') = (destroyed_at is not null)", name="destroyed_is_dated"),
    sa.Index(
        "one_primary_per_tenant",
        "tenant_id",
        unique=True,
        sqlite_where=sa.text(f"state = '{PRIMARY}'"),
        postgresql_where=sa.text(f"state = '{PRIMARY}'"),
    ),
)
"""One row per tenant and key version. Destruction takes the key and leaves the row, so none is made twice."""
