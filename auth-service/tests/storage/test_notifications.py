"""A commit in one process wakes requests that wait in another: on both databases, between real processes."""

import json
import os
import socket
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from auth_service.storage.notifications import (
    CHANNEL,
    NoNotifications,
    PostgresNotifications,
    SqliteNotifications,
    notifications_of,
)
from service_kit.database import open_database
from sqlalchemy import create_engine, text
from testkit.clock import FakeClock
from testkit.forked_cluster import start_process

PASSWORD = "correct-horse-battery-staple"
PATIENCE = 60  # seconds


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.01)


class Other:
    """The other process: runs `committer`."""

    def __init__(self, now, folder, **settings):
        output = folder / "output"
        with socket.create_server(("127.0.0.1", 0)) as server:
            command = [sys.executable, "-m", "committer", str(server.getsockname()[1])]
            self._process = start_process(command, dict(os.environ), Path(__file__).parent, output, output)
            server.settimeout(PATIENCE)
            self._socket, _ = server.accept()
        self._lines = self._socket.makefile("rw", buffering=1)
        assert self.ask({"now": now, "settings": settings})["ready"]

    def ask(self, request):
        self._lines.write(json.dumps(request) + "\n")
        return json.loads(self._lines.readline())

    def do(self, **request):
        answer = self.ask(request)
        assert answer["ok"], answer
        return answer

    def close(self):
        self._lines.close()
        self._socket.close()
        assert self._process.wait(PATIENCE) == 0


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """A migrated database for this test alone."""
    return request.getfixturevalue(request.param)._database.engine


@pytest.fixture
def url(database):
    return database.url.set(drivername=database.dialect.name).render_as_string(hide_password=False)


@pytest.fixture
def other(url, keys_dir, clock, tmp_path):
    settings = {"database_url": url, "keys_dir": str(keys_dir), "demo": True, "key_rotation_interval": 0}
    process = Other(clock(), tmp_path, **settings)
    yield process
    process.close()


@pytest.fixture
def client(make_app, url):
    return make_app(database_url=url, demo=False).test_client()


def wait_for_change(client, path):
    """Wait for a document's next state in another thread; return the future of the answer and its time."""
    asking = {"If-None-Match": client.get(path).headers["ETag"], "Prefer": "wait=25"}

    def ask():
        answer = client.application.test_client().get(path, headers=asking)
        return answer, time.time()

    pool = ThreadPoolExecutor(1)
    waiting = pool.submit(ask)
    pool.shutdown(wait=False)
    until(lambda: "\nwaiting_requests 1.0\n" in client.get("/metrics").text)
    return waiting


def test_logout_elsewhere_wakes_list_reader(client, other):
    output = other.do(path="/login", body={"email": "alice@example.com", "password": PASSWORD})["output"]
    bearer = {"Authorization": f"Bearer {json.loads(output)['access_token']}"}
    waiting = wait_for_change(client, "/status-lists/1")

    committed = other.do(path="/logout", headers=bearer)["at"]

    answer, came = waiting.result(PATIENCE)
    assert answer.status_code == 200
    assert came - committed < 1


@pytest.mark.parametrize("change", ["rotate", "withdraw"])
def test_key_change_elsewhere_wakes_reader(client, other, change):
    kid = client.get("/.well-known/jwks.json").get_json()["keys"][0]["kid"]
    waiting = wait_for_change(client, "/.well-known/jwks.json")

    committed = other.do(command=["keys", change, *([kid] if change == "withdraw" else [])])["at"]

    # Possibly of the first of two changes: a new key is made before the old one is deleted.
    answer, came = waiting.result(PATIENCE)
    assert answer.status_code == 200
    assert came - committed < 1
    until(lambda: (kid in client.get("/.well-known/jwks.json").text) == (change == "rotate"))


@pytest.fixture
def notifications(database):
    notifications = notifications_of(database)
    yield notifications
    notifications.close()


def commit(database):
    """Commit and announce a change on another connection."""
    with database.begin() as connection:
        connection.execute(text("UPDATE accounts SET name = name"))
        connection.execute(text("CREATE TABLE IF NOT EXISTS changes (n INTEGER)"))
        connection.execute(text("INSERT INTO changes VALUES (1)"))
        if database.dialect.name == "postgresql":
            connection.execute(text(f"NOTIFY {CHANNEL}"))


def test_wait_returns_on_connect_and_each_commit(notifications, database):
    assert notifications.wait(0.05)
    assert not notifications.wait(0.05)

    commit(database)

    assert notifications.wait(5)
    assert not notifications.wait(0.05)


def test_commit_ends_wait_under_way(notifications, database):
    assert notifications.wait(0.05)
    committing = Thread(target=commit, args=(database,))
    committing.start()

    until(lambda: notifications.wait(0.25))
    committing.join(PATIENCE)


def test_rollback_sends_no_notification(notifications, database):
    assert notifications.wait(0.05)
    with database.connect() as connection:
        connection.begin()
        connection.execute(text("CREATE TABLE rolled_back (n INTEGER)"))
        if database.dialect.name == "postgresql":
            connection.execute(text(f"NOTIFY {CHANNEL}"))
        connection.rollback()

    assert not notifications.wait(0.2)


def test_lost_postgresql_raises_then_reconnects(postgresql):
    engine = postgresql._database.engine
    notifications = notifications_of(engine)
    assert notifications.wait(0.05)
    with engine.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")
        )

    with pytest.raises(psycopg.Error):
        notifications.wait(5)

    assert notifications.wait(0.05)
    notifications.close()


def test_missing_postgresql_raises_again(postgresql):
    notifications = PostgresNotifications(
        {"host": "127.0.0.1", "port": 1, "dbname": "x", "connect_timeout": 2}
    )
    for _ in range(2):
        with pytest.raises(psycopg.Error):
            notifications.wait(0.05)
    notifications.close()


def test_missing_sqlite_file_stays_missing(tmp_path):
    notifications = SqliteNotifications(tmp_path / "none.db")
    with pytest.raises(sqlite3.Error):
        notifications.wait(0.05)

    assert not (tmp_path / "none.db").exists()
    notifications.close()


def test_sqlite_file_name_may_be_any_text(tmp_path):
    file = tmp_path / "a ?mode=memory&x #%41.db"
    sqlite3.connect(file).close()
    notifications = SqliteNotifications(file)
    assert notifications.wait(0.05)
    notifications.close()


def test_memory_database_has_no_notifications():
    clock = FakeClock(0)
    assert isinstance(notifications_of(create_engine("sqlite://")), NoNotifications)
    notifications = NoNotifications(clock.sleep)

    assert not notifications.wait(0.25)
    assert 0 < clock() <= 0.25
    notifications.close()


def test_notifications_use_no_pool_connection(sqlite_file):
    engine = open_database(f"sqlite:///{sqlite_file}")
    notifications = notifications_of(engine)
    notifications.wait(0.05)

    assert engine.pool.checkedout() == 0
    notifications.close()
    engine.dispose()
