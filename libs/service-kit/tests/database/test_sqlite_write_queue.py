"""Writers to one SQLite file."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from service_kit.database import open_database
from service_kit.database.engine import Database
from service_kit.database.sqlite_write_queue import SqliteWriteQueue
from service_kit.worker_threads import ThreadRequired, trying
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "test.db"
    engine = open_database(f"sqlite:///{made}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counts (number INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO counts VALUES (0)"))
    engine.dispose()
    return made


@pytest.fixture
def database(file):
    engine = open_database(f"sqlite:///{file}")
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def brief(file):
    """An engine whose writers wait for 50 ms."""
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", lambda made, _: setattr(made, "isolation_level", None))
    event.listen(engine, "begin", SqliteWriteQueue(0.05).begin)
    yield engine
    engine.dispose()


@pytest.fixture
def holder(file):
    """A connection outside of the queue that is writing."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def count(db):
    return db.execute(text("SELECT number FROM counts")).scalar_one()


def test_waiting_writer_times_out(brief, holder):
    with brief.connect() as connection, pytest.raises(OperationalError, match="locked"):
        connection.begin()


def test_timed_out_writer_blocks_no_other(brief, holder):
    with brief.connect() as connection, pytest.raises(OperationalError):
        connection.begin()
    holder.rollback()

    with brief.begin() as connection:
        assert count(connection) == 0


def test_next_writer_starts_after_previous(database, holder):
    threading.Timer(0.1, holder.rollback).start()

    with database.begin() as db:
        assert count(db) == 0


def test_many_writers_lose_no_change(database):
    def add(_):
        with database.begin() as db:
            number = count(db)
            db.execute(text("UPDATE counts SET number = :number"), {"number": number + 1})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(64)))

    with database.read() as db:
        assert count(db) == 64


def test_busy_timeout_is_restored(database):
    with database.begin() as db:
        db.execute(text("UPDATE counts SET number = 1"))
        assert db.execute(text("PRAGMA busy_timeout")).scalar_one() == 5000


def test_begin_in_event_loop_needs_thread(database, holder):
    with trying(), pytest.raises(ThreadRequired), database.begin() as session:
        session.execute(text("SELECT 1"))
