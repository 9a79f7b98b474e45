"""Jobs can hold what is sealed for them; a change of username by others can be stopped from the old mailbox."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0002"
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
    """One-time links are of these kinds. SQLite copies the table, and a copy has only the checks that it is given."""
    name = op.f("ck_one_time_links_kind")
    if op.get_bind().dialect.name == "sqlite":
        check = sa.CheckConstraint(condition, name=name)
        with op.batch_alter_table("one_time_links", recreate="always", table_args=(check,)):
            pass
        return
    op.drop_constraint(name, "one_time_links", type_="check")
    op.create_check_constraint(name, "one_time_links", condition)
