"""Engines and transactions."""

import sqlite3
import stat
import threading

import pytest
from pydantic import SecretStr
from service_kit.database import (
    Database,
    database_check,
    open_database,
    threads_at_once,
    upgrade,
)
from sqlalchemy import (
    text,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError


def test_begin_commits(database, value):
    with database.begin() as session:
        session.execute(text("UPDATE things SET n = 7"))
    assert value(database) == 7


def change_then_break(database):
    with database.begin() as session:
        session.execute(text("UPDATE things SET n = 7"))
        raise LookupError


def test_begin_rolls_back_on_error(database, value):
    with pytest.raises(LookupError):
        change_then_break(database)
    assert value(database) == 0


def test_read_ignores_uncommitted_rows(database, value):
    with database.begin() as session:
        session.execute(text("UPDATE things SET n = 7"))
        assert value(database) == 0


def test_foreign_keys_are_checked(database):
    with pytest.raises(IntegrityError), database.begin() as session:
        session.execute(text("INSERT INTO parts VALUES (404)"))


def add_one(database: Database, times: int) -> None:
    for _ in range(times):
        with database.begin() as session:
            lock = " FOR UPDATE" if database.engine.dialect.name == "postgresql" else ""
            n = session.execute(text("SELECT n FROM things WHERE id = 1" + lock)).scalar_one()
            session.execute(text("UPDATE things SET n = :n"), {"n": n + 1})


def test_writers_that_read_first_queue(database, value):
    threads = [threading.Thread(target=add_one, args=(database, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(database) == 40


def test_check_passes_with_database(engine):
    assert database_check(engine)() is None


@pytest.mark.parametrize(
    "url", ["sqlite:////proc/no/such/folder/x.db", "postgresql://unknown:hunter2@127.0.0.1:1/none"]
)
def test_check_fails_without_database(url):
    reason = database_check(open_database(url))()
    assert reason is not None
    assert "hunter2" not in reason


def test_sqlite_is_opened_durable(tmp_path):
    engine = open_database(SecretStr(f"sqlite:///{tmp_path}/x.db"))
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    engine.dispose()


def test_new_sqlite_file_has_mode_0600(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    with engine.connect():
        assert stat.S_IMODE((tmp_path / "x.db").stat().st_mode) == 0o600
    engine.dispose()


def test_missing_folder_of_sqlite_file_is_not_made(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/missing/x.db")
    with pytest.raises(DBAPIError, match="unable to open"):
        engine.connect()
    assert list(tmp_path.iterdir()) == []


def test_memory_database_is_shared_by_sessions(migrations, value):
    database = Database(open_database("sqlite://"))
    upgrade(database.engine, migrations)
    add_one(database, 1)
    assert value(database) == 1
    database.engine.dispose()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_dead_postgresql_server_is_noticed(engine):
    with engine.connect() as connection:
        parameters = connection.connection.dbapi_connection.info.get_parameters()

    idle, every, count = (int(parameters[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + every * count <= 11
    assert int(parameters["tcp_user_timeout"]) <= 5000  # milliseconds


def test_postgresql_means_psycopg_3():
    engine = open_database("postgresql://me:hunter2@db/x")
    assert engine.url.drivername == "postgresql+psycopg"
    assert "hunter2" not in repr(engine)


@pytest.mark.parametrize("unfit", [10**40, "\ud800"])
def test_unfit_value_is_data_error(database, unfit, value):
    with pytest.raises(DataError), database.begin() as session:
        session.execute(text("UPDATE things SET n = :unfit"), {"unfit": unfit})
    assert value(database) == 0


def test_other_databases_are_refused():
    with pytest.raises(ValueError, match="only SQLite and PostgreSQL"):
        open_database("oracle://db")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_postgresql_read_refuses_writes(database):
    with pytest.raises(DBAPIError), database.read() as session:
        session.execute(text("UPDATE things SET n = 9"))


def test_sqlite_begin_takes_lock(tmp_path, migrations):
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    upgrade(engine, migrations)
    other = sqlite3.connect(tmp_path / "x.db", timeout=0.001, isolation_level=None)
    with Database(engine).begin() as session:
        session.connection()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "number"), [("sqlite://", 1), ("postgresql://unknown@127.0.0.1:9/none", 4)], ids=["sqlite", "pg"]
)
def test_threads_at_once_depend_on_database(url, number):
    assert threads_at_once(open_database(url)) == number
