"""Where products and orders are kept: tables, the repositories behind the domain's ports, and migrations."""

from pathlib import Path
from typing import Final

MIGRATIONS: Final = Path(__file__).parent / "migrations"
