"""Alembic's entry: runs the migrations on the connection that it is handed."""

from service_kit.database import run_migrations
from users_service.storage.tables import metadata

run_migrations(metadata)
