"""The reasons of databases that cannot be used."""

import os

import psycopg
import pytest
from service_kit.database import open_database
from service_kit.database.failure_reason import REASONS, failure_reason
from service_kit.database.url import address
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError


def failure(url):
    engine = open_database(url)
    with pytest.raises(SQLAlchemyError) as failed:
        engine.connect()
    engine.dispose()
    return failure_reason(failed.value, url)


def driver(words):
    return OperationalError("SELECT 1", {}, psycopg.OperationalError(words))


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (
            'connection failed: FATAL:  password authentication failed for user "x"',
            "refuses the user or the password",
        ),
        ("connection failed: fe_sendauth: no password supplied", "refuses the user or the password"),
        ('connection failed: FATAL:  role "x" does not exist', "the user does not exist"),
        ('connection failed: FATAL:  database "x" does not exist', "has no database of this name"),
        (
            'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "x", database "y", no encryption',
            "only with TLS",
        ),
        ("connection failed: SSL error: certificate verify failed", "TLS failed"),
        ("connection failed: server does not support SSL, but SSL was required", "TLS failed"),
        ('could not translate host name "db" to address: Name or service not known', "the host is unknown"),
        ("failed to resolve host 'db': [Errno -2] Name or service not known", "the host is unknown"),
        ("connection failed: Connection refused\n\tIs the server running", "no server answers"),
        ("connection timeout expired", "does not answer in time"),
        ("FATAL:  sorry, too many clients already", "accepts no more connections"),
        ("FATAL:  the database system is starting up", "is not ready"),
        ("permission denied for schema public", "lacks a permission"),
        ("unable to open database file", "cannot be opened or created"),
        ("file is not a database", "not a SQLite database"),
        ("attempt to write a readonly database", "may not be written to"),
    ],
)
def test_each_failure_has_its_reason(words, meaning):
    said = failure_reason(driver(words), "postgresql://me:hunter2@db/x")

    assert meaning in said
    assert words.splitlines()[0] in said
    assert "\n" not in said


def test_unknown_failure_is_drivers_line():
    assert failure_reason(driver("something new\nand more"), "postgresql://db/x") == "something new"
    assert failure_reason(OSError(), "postgresql://db/x") == "OSError"
    assert len(failure_reason(driver("x" * 5000), "postgresql://db/x")) <= 300


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunt%40er2@db/x",
        "postgresql://me@db/x?password=hunt%40er2",
        "postgresql://me@db/x?sslpassword=hunt%40er2",
    ],
)
def test_secrets_of_url_are_hidden(url):
    for words in (f"bad URL {url}", "bad password hunt@er2"):
        assert "er2" not in failure_reason(driver(words), url)
    assert "er2" not in address(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/x", "no server answers"),
        ("postgresql://me:hunter2@no-such-host.invalid/x", "the host is unknown"),
        ("postgresql://me:hunter2@/x?host=/no/such/folder", "no server answers"),
        ("sqlite:////no/such/folder/x.db", "cannot be opened or created"),
    ],
)
def test_unreachable_database_has_reason(url, reason):
    said = failure(url)

    assert reason in said
    assert "hunter2" not in said


@pytest.fixture
def server():
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.skip("needs PostgreSQL: apt-get install postgresql, and its URL in TEST_POSTGRES_URL")
    return make_url(url)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": "hunter2"}, "the server refuses the user or the password"),
        ({"username": "unknown-here", "password": "hunter2"}, "the server refuses the user or the password"),
        ({"database": "no-such-database"}, "the server has no database of this name"),
        ({"query": {"sslmode": "require"}}, "TLS failed"),
    ],
)
def test_refused_login_has_reason(server, changes, reason):
    url = server.set(**changes).render_as_string(hide_password=False)

    said = failure(url)

    assert reason in said
    assert "hunter2" not in said
    assert str(server.password) not in said


def test_patterns_are_lower_case():
    """They are searched without regard to case, except for names in quotes."""
    assert [pattern for pattern in REASONS if pattern != pattern.lower()] == []
