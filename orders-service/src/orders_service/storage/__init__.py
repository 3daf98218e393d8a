"""Storage on SQLAlchemy: tables, repositories and migrations."""

from pathlib import Path
from typing import Final

MIGRATIONS: Final = Path(__file__).parent / "migrations"
