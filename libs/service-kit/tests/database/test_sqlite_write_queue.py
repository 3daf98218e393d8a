"""Writers of one SQLite file: each gets its turn, or is told that it did not come."""

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
    made = tmp_path / "turns.db"
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
def impatient(file):
    """An engine whose writers wait for a twentieth of a second."""
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", lambda made, _: setattr(made, "isolation_level", None))
    event.listen(engine, "begin", SqliteWriteQueue(0.05).begin)
    yield engine
    engine.dispose()


@pytest.fixture
def holder(file):
    """Somebody else who is writing."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def count(db):
    return db.execute(text("SELECT number FROM counts")).scalar_one()


def test_a_writer_whose_turn_does_not_come_is_told_that_the_file_is_locked(impatient, holder):
    with impatient.connect() as connection, pytest.raises(OperationalError, match="locked"):
        connection.begin()


def test_whoever_waited_in_vain_is_in_nobodys_way(impatient, holder):
    with impatient.connect() as connection, pytest.raises(OperationalError):
        connection.begin()
    holder.rollback()

    with impatient.begin() as connection:
        assert count(connection) == 0


def test_a_writer_writes_when_the_one_before_has_finished(database, holder):
    threading.Timer(0.1, holder.rollback).start()

    with database.begin() as db:
        assert count(db) == 0


def test_many_writers_all_get_their_turn_and_no_change_is_lost(database):
    def add(_):
        with database.begin() as db:
            number = count(db)
            db.execute(text("UPDATE counts SET number = :number"), {"number": number + 1})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(64)))

    with database.read() as db:
        assert count(db) == 64


def test_everything_else_goes_on_waiting_as_long_as_before(database):
    with database.begin() as db:
        db.execute(text("UPDATE counts SET number = 1"))
        assert db.execute(text("PRAGMA busy_timeout")).scalar_one() == 5000


def test_writer_that_is_tried_in_the_loop_does_not_begin(database, holder):
    with trying(), pytest.raises(ThreadRequired), database.begin() as session:
        session.execute(text("SELECT 1"))
