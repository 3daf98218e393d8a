"""The migrations work in both directions and keep existing rows."""

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


def test_migration_2_keeps_sessions(migrate):
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


def test_migration_4_reverted_clears_bits(migrate):
    engine = migrate(command.upgrade, "0004")
    with engine.begin() as db:
        db.execute(text("INSERT INTO accounts VALUES ('s', 'a@example.com', 'A', '', 'h', 1, NULL, 1)"))
        columns = "sid, sub, client_id, scopes, audiences, methods, auth_time, expires_at, status_list, status_index"
        db.execute(
            text(f"INSERT INTO sessions ({columns}) VALUES ('sid', 's', 'cli', '', '', 'pwd', 1, 2, 1, 5)")
        )

    migrate(command.downgrade, "0003")
    migrate(command.upgrade, "0004")

    with engine.connect() as db:
        row = db.execute(text("SELECT sid, status_list, status_index, tokens_until FROM sessions")).one()
    assert row == ("sid", None, None, None)


def test_migration_6_keeps_sessions_and_codes(migrate):
    engine = migrate(command.upgrade, "0005")
    with engine.begin() as db:
        db.execute(text("INSERT INTO accounts VALUES ('s', 'a@example.com', 'A', '', 'h', 1, NULL, 1)"))
        columns = "sid, sub, client_id, scopes, audiences, methods, auth_time, expires_at"
        db.execute(text(f"INSERT INTO sessions ({columns}) VALUES ('sid', 's', 'cli', '', '', 'pwd', 1, 2)"))
        columns = "digest, client_id, sub, redirect_uri, scopes, audiences, nonce, code_challenge, methods, auth_time, expires_at"
        values = "x'00', 'cli', 's', 'u', '', '', 'n', 'c', 'pwd', 1, 2"
        db.execute(text(f"INSERT INTO authorization_codes ({columns}) VALUES ({values})"))

    migrate(command.upgrade, "0006")

    with engine.connect() as db:
        assert db.execute(text("SELECT sid, requested FROM sessions")).one() == ("sid", "")
        assert db.execute(text("SELECT nonce, requested FROM authorization_codes")).one() == ("n", "")


def test_migration_7_keeps_device_codes(migrate):
    engine = migrate(command.upgrade, "0006")
    with engine.begin() as db:
        db.execute(
            text(
                "INSERT INTO device_codes VALUES (x'01', x'02', 'cli', 'a', 'b', NULL, NULL, NULL, 'pending', 10, 5, 6)"
            )
        )

    migrate(command.upgrade, "0007")
    with engine.connect() as db:
        waiting = "SELECT client_id, status, next_poll_at, expires_at FROM device_codes"
        assert db.execute(text(waiting)).one() == ("cli", "pending", 5, 6)

    migrate(command.downgrade, "0006")
    with engine.connect() as db:
        assert db.execute(text("SELECT interval FROM device_codes")).scalar_one() == 5


def test_all_migrations_can_be_reverted(migrate):
    migrate(command.upgrade, "head")

    engine = migrate(command.downgrade, "base")

    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
