"""public halves of former signing keys, the scopes that were asked for, and nonces of any length"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hint_keys",
        sa.Column("kid", sa.String(64), primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("keep_until", sa.Double, nullable=False),
    )
    op.create_index("ix_hint_keys_keep_until", "hint_keys", ["keep_until"])
    for table in ("sessions", "authorization_codes"):
        op.add_column(table, sa.Column("requested", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("authorization_codes") as codes:
        codes.alter_column("nonce", type_=sa.Text, existing_type=sa.String(1000), existing_nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM authorization_codes WHERE length(nonce) > 1000")
    with op.batch_alter_table("authorization_codes") as codes:
        codes.alter_column("nonce", type_=sa.String(1000), existing_type=sa.Text, existing_nullable=True)
    for table in ("sessions", "authorization_codes"):
        op.drop_column(table, "requested")
    op.drop_index("ix_hint_keys_keep_until", "hint_keys")
    op.drop_table("hint_keys")
