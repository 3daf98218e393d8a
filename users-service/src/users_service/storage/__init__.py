"""Where profiles are kept: tables, the repository behind the domain's port, and migrations."""

from pathlib import Path
from typing import Final

MIGRATIONS: Final = Path(__file__).parent / "migrations"
