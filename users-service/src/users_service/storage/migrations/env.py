"""Alembic's entry point."""

from service_kit.database import run_migrations
from users_service.storage.tables import Base

run_migrations(Base.metadata)
