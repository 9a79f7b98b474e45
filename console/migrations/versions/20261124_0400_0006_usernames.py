"""Jobs can hold what is sealed for them; a change of username by others can be stopped from the old mailbox."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = "'invitation','password_reset','email_old','email_new'"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    _allow(f"kind IN ({KINDS},'email_veto')")


def downgrade() -> None:
    op.execute("DELETE FROM one_time_links WHERE kind = 'email_veto'")
    _allow(f"kind IN ({KINDS})")
    op.drop_column("jobs", "sealed")


def _allow(condition: str) -> None:
    """One-time links are of these kinds, and no others."""
    with op.batch_alter_table("one_time_links", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_one_time_links_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_one_time_links_kind"), condition)
