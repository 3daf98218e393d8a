"""The command that upgrades a service's database: python -m service_kit.database PACKAGE."""

import argparse
import sys
from collections.abc import Sequence

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError

from service_kit.database.engine import open_database
from service_kit.database.failure_reason import failure_reason
from service_kit.database.migrations import migrations_of, upgrade
from service_kit.database.url import DatabaseUrl, address
from service_kit.errors import CannotMigrate
from service_kit.settings import load


class MigrationSettings(BaseSettings):
    """The database."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)
    database_url: DatabaseUrl


def main(argv: Sequence[str] | None = None) -> int:
    """Upgrade the database, print one line, and return the exit code: 0, 1 (failed) or 2 (usage error)."""
    parser = argparse.ArgumentParser(
        prog="python -m service_kit.database",
        description="Upgrade a service's database to its newest migration. Needs DATABASE_URL; concurrent runs are safe.",
    )
    parser.add_argument("package", help="the service's package, for example auth_service")
    package = parser.parse_args(argv).package
    try:
        folder = migrations_of(package)
    except LookupError as error:
        parser.error(str(error))
    url = load(MigrationSettings).database_url
    engine, where = open_database(url), address(url)
    try:
        upgrade(engine, folder)
    except (SQLAlchemyError, CannotMigrate, OSError) as error:
        print(f"{package}: cannot migrate {where}: {failure_reason(error, url)}", file=sys.stderr)  # noqa: T201 - a command's output
        return 1
    finally:
        engine.dispose()
    print(f"{package}: {where} is up to date")  # noqa: T201 - a command's output
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
