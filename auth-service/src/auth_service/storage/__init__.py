"""Where auth-service keeps what must outlive it: SQLAlchemy tables and the repositories behind the domain's ports."""

from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
