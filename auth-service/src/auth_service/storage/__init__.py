"""The database: SQLAlchemy tables, migrations, and the repositories behind the domain's ports."""

from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
