"""The database of a service: SQLite or PostgreSQL, with transactions, fast reads and migrations."""

from service_kit.database.engine import Database, database_check, open_database, threads_at_once
from service_kit.database.migrations import run_migrations, upgrade
from service_kit.database.repositories import UtcTimestamp, outages_as

__all__ = [
    "Database",
    "UtcTimestamp",
    "database_check",
    "open_database",
    "outages_as",
    "run_migrations",
    "threads_at_once",
    "upgrade",
]
