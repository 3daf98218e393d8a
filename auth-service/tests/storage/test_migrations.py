"""The migrations: whole both ways, and kind to the rows that are there."""

import pytest
from alembic import command
from alembic.config import Config
from auth_service.storage import MIGRATIONS
from service_kit.database import open_database
from sqlalchemy import inspect, text


@pytest.fixture
def migrate(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/migrations.db")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    def call(step, revision):
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            step(config, revision)
        return engine

    yield call
    engine.dispose()


def test_the_second_migration_keeps_the_sessions_that_are_there(migrate):
    engine = migrate(command.upgrade, "0001")
    with engine.begin() as db:
        db.execute(text("INSERT INTO accounts VALUES ('s', 'a@example.com', 'A', '', 'h', 1, NULL, 1)"))
        db.execute(
            text(
                "INSERT INTO sessions VALUES ('sid', 's', 'cli', '', '', 'pwd', 1, 2, NULL, NULL, NULL, NULL)"
            )
        )

    migrate(command.upgrade, "head")

    with engine.connect() as db:
        assert db.execute(text("SELECT sid, browser_session, address FROM sessions")).one() == (
            "sid",
            None,
            None,
        )


def test_every_migration_can_be_taken_back(migrate):
    migrate(command.upgrade, "head")

    engine = migrate(command.downgrade, "base")

    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
