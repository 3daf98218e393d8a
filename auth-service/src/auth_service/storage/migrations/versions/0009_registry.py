"""audiences and roles added at run time; sessions that named no scopes follow their account from now on"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registry_rows",
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    # What was granted before stays the bound of the sessions that exist.
    op.execute("UPDATE sessions SET requested = scopes WHERE requested = ''")
    op.execute("UPDATE authorization_codes SET requested = scopes WHERE requested = ''")


def downgrade() -> None:
    op.drop_table("registry_rows")
