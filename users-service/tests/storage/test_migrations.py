"""The migrations."""

from contextlib import nullcontext

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from service_kit.database import Database, open_database, upgrade
from sqlalchemy import text
from testkit.database import postgresql_url
from users_service.storage import MIGRATIONS
from users_service.storage.profiles import SqlProfiles
from users_service.storage.tables import Base


def test_migrations_make_tables_of_code(database):
    with database.engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


OLD = """
CREATE TABLE profiles (sub VARCHAR(255) PRIMARY KEY, name VARCHAR(200) NOT NULL, shipping_address VARCHAR(500),
    created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL);
INSERT INTO profiles VALUES ('ada', 'Ada', 'x', '2026-07-01 12:00:00', '2026-07-01 12:00:00');
INSERT INTO profiles VALUES ('bob', '', NULL, '2026-07-01 12:00:00', '2026-07-01 12:00:00');
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001')
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_migration_0002_keeps_known_names(engine, tmp_path):
    place = postgresql_url() if engine == "postgresql" else nullcontext(f"sqlite:///{tmp_path}/old.db")
    with place as url:
        database = Database(open_database(url))
        with database.engine.begin() as connection:
            for statement in OLD.split(";"):
                connection.execute(text(statement))

        upgrade(database.engine, MIGRATIONS)

        profiles = SqlProfiles(database)
        assert [(profiles.get(sub).name, profiles.get(sub).name_known) for sub in ("ada", "bob")] == [
            ("Ada", True),
            ("", False),
        ]
        assert [profiles.copy_name(sub, "Account").name for sub in ("ada", "bob")] == ["Ada", "Account"]
        database.engine.dispose()
