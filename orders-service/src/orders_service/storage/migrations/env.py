"""Alembic's entry: runs the migrations on the connection that it is handed."""

from orders_service.storage.tables import metadata
from service_kit.database import run_migrations

run_migrations(metadata)
