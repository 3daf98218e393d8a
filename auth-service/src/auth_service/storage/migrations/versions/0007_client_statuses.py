"""the status of each client's own tokens; device codes without an interval of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client_statuses",
        sa.Column("client_id", sa.String(100), primary_key=True),
        sa.Column("status_list", sa.Integer, nullable=False),
        sa.Column("status_index", sa.Integer, nullable=False),
        sa.UniqueConstraint("status_list", "status_index", name="uq_client_statuses_status"),
    )
    op.drop_column("device_codes", "interval")


def downgrade() -> None:
    op.add_column("device_codes", sa.Column("interval", sa.Integer, nullable=False, server_default="5"))
    op.drop_table("client_statuses")
