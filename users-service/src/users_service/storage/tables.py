"""The database's tables, as the code sees them; the migrations make them."""

from typing import Final

from service_kit.database import UtcTimestamp
from sqlalchemy import Boolean, Column, MetaData, String, Table, false

metadata: Final = MetaData()


# Bytewise order, so that a page's border means the same to every database and locale.
_SUBJECT: Final = String(255).with_variant(String(255, collation="C"), "postgresql")

profiles: Final = Table(
    "profiles",
    metadata,
    Column("sub", _SUBJECT, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("shipping_address", String(500)),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    Column("name_known", Boolean, nullable=False, server_default=false()),
)
