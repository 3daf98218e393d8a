"""A database that is up to date is recognised by the name of the last migration, without alembic."""

import subprocess
import sys

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from service_kit.database import open_database, upgrade
from service_kit.database.migrations import is_up_to_date, migrations_of
from testkit.cluster import SERVICES

PACKAGES = [service.package for service in SERVICES.values() if service.database]
STARTS = """
import sys
from pathlib import Path
from service_kit.database import open_database, upgrade
upgrade(open_database(sys.argv[1]), Path(sys.argv[2]))
print("alembic" in sys.modules)
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_last_file_name_is_last_revision(package):
    folder = migrations_of(package)
    config = Config()
    config.set_main_option("script_location", str(folder))

    heads = ScriptDirectory.from_config(config).get_heads()

    assert heads == [max(file.name[:4] for file in (folder / "versions").glob("0*.py"))]


@pytest.mark.parametrize("package", PACKAGES)
def test_migrated_database_is_up_to_date(package, tmp_path):
    engine, folder = open_database(f"sqlite:///{tmp_path}/x.db"), migrations_of(package)
    assert not is_up_to_date(engine, folder)

    upgrade(engine, folder)

    assert is_up_to_date(engine, folder)
    engine.dispose()


def test_migrated_database_needs_no_alembic(tmp_path):
    url, folder = f"sqlite:///{tmp_path}/x.db", migrations_of("orders_service")

    def needed() -> str:
        command = [sys.executable, "-c", STARTS, url, str(folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    assert [needed(), needed()] == ["True\n", "False\n"]
