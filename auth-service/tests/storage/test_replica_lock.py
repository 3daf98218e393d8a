"""The lock that all replicas of auth-service share."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from auth_service.storage.replica_lock import replicas_lock
from service_kit.database import open_database
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError


@pytest.fixture(params=["file", "memory", "postgresql"])
def engine(request, sqlite_file):
    if request.param == "postgresql":
        yield request.getfixturevalue("postgresql")._database.engine
        return
    engine = (
        open_database(f"sqlite:///{sqlite_file}") if request.param == "file" else create_engine("sqlite://")
    )
    yield engine
    engine.dispose()


def test_lock_has_one_holder_at_a_time(engine):
    lock, inside, seen = replicas_lock(engine, "test"), threading.Semaphore(1), []

    def hold(number):
        with lock():
            seen.append(inside.acquire(blocking=False))
            threading.Event().wait(0.002)  # let the others try
            inside.release()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, range(12)))

    assert seen == [True] * 12


def test_locks_of_other_names_are_free(engine):
    with replicas_lock(engine, "one")(), replicas_lock(engine, "another")():
        pass


def test_lock_is_freed_when_holder_fails(engine):
    lock = replicas_lock(engine, "test")

    with pytest.raises(RuntimeError), lock():
        raise RuntimeError

    with lock():
        pass


def test_postgresql_lock_wait_is_bounded(postgresql):
    lock = replicas_lock(postgresql._database.engine, "test", wait="50ms")

    with lock(), pytest.raises(SQLAlchemyError), lock():
        pass
