"""The table of profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    subject = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
    op.create_table(
        "profiles",
        sa.Column("sub", subject, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("shipping_address", sa.String(500)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("profiles")
