"""The tables. The migrations create them."""

from service_kit.database import UtcTimestamp
from sqlalchemy import String, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Bytewise order, so that pages end at the same rows in every database and locale.
_SUBJECT = String(255).with_variant(String(255, collation="C"), "postgresql")


class Base(DeclarativeBase):
    """The base of all tables; a test compares its metadata with the migrations."""


class ProfileRow(Base):
    """One profile."""

    __tablename__ = "profiles"

    sub: Mapped[str] = mapped_column(_SUBJECT, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    shipping_address: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[float] = mapped_column(UtcTimestamp)
    updated_at: Mapped[float] = mapped_column(UtcTimestamp)
    name_known: Mapped[bool] = mapped_column(server_default=false())
