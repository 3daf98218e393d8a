"""Alembic's entry point."""

from orders_service.storage.tables import Base
from service_kit.database import run_migrations

run_migrations(Base.metadata)
