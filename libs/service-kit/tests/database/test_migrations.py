"""Upgrades of a database."""

import subprocess
import sys
import textwrap

import pytest
from service_kit.database import (
    Database,
    upgrade,
)
from service_kit.database.migrations import migrations_of
from sqlalchemy import (
    Engine,
    text,
)
from sqlalchemy.exc import DBAPIError

BROKEN = """
revision, down_revision = "2", "1"
from alembic import op
def upgrade():
    op.execute("CREATE TABLE half (id integer)")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


def test_second_upgrade_does_nothing(engine, migrations, value):
    upgrade(engine, migrations)
    with engine.begin() as connection:
        connection.execute(text("UPDATE things SET n = 3"))
    upgrade(engine, migrations)
    assert value(Database(engine)) == 3


def test_failed_migration_changes_nothing(engine, migrations):
    (migrations / "versions" / "2_broken.py").write_text(BROKEN)
    with pytest.raises(DBAPIError):
        upgrade(engine, migrations)
    (migrations / "versions" / "2_broken.py").unlink()
    upgrade(engine, migrations)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE half (id integer)"))


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def test_concurrent_upgrades_run_once(engine, migrations, value):
    script = f"""
        import multiprocessing
        from pathlib import Path
        from service_kit.database import open_database, upgrade
        context = multiprocessing.get_context("fork")  # so that what they need is imported once
        begin = context.Barrier(3)
        def migrate():
            begin.wait()
            upgrade(open_database({url_of(engine)!r}), Path({str(migrations)!r}))
        processes = [context.Process(target=migrate) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print([process.exitcode for process in processes])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (process.stdout, process.stderr) == ("[0, 0, 0]\n", "")
    assert value(Database(engine)) == 0


def test_package_is_not_imported(package):
    migrations_of(package)
    assert package not in sys.modules
