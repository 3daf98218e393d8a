"""Mark known names: a profile without one gets its account's name at its owner's next request."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("name_known", sa.Boolean(), nullable=False, server_default=sa.false())
    with op.batch_alter_table("profiles") as table:
        table.add_column(column)
    profiles = sa.table("profiles", sa.column("name", sa.String), sa.column("name_known", sa.Boolean))
    op.execute(profiles.update().where(profiles.c.name != "").values(name_known=True))


def downgrade() -> None:
    with op.batch_alter_table("profiles") as table:
        table.drop_column("name_known")
