"""`Database.fetch`."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from service_kit.database import (
    Database,
    UtcTimestamp,
    open_database,
)
from service_kit.database.prepared_statements import MAX_KEPT_CONNECTIONS
from service_kit.worker_threads import ThreadRequired, trying
from sqlalchemy import (
    Boolean,
    Column,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateTable

NOWHERE = text("SELECT * FROM nowhere")


WORDS = text("SELECT word FROM words WHERE word > :after ORDER BY word")


@pytest.fixture
def words(database) -> Database:
    with database.begin() as session:
        session.execute(text("CREATE TABLE words (word VARCHAR(9))"))
        session.execute(text("INSERT INTO words VALUES ('one'), ('two')"))
    return database


def test_fetch_converts_to_column_types(database):
    kinds = Table(
        "kinds",
        MetaData(),
        Column("id", Uuid),
        Column("at", UtcTimestamp),
        Column("word", String),
        Column("on", Boolean),
    )
    values = [(uuid4(), 1_767_323_045.000006, "a", True), (uuid4(), None, None, None)]
    with database.begin() as session:
        session.execute(CreateTable(kinds))
        session.execute(insert(kinds), [dict(zip(kinds.c.keys(), row, strict=True)) for row in values])
    statement = select(kinds).where(kinds.c.id == bindparam("id"))

    for row in values:
        assert [tuple(found) for found in database.fetch(statement, id=row[0])] == [row]


def test_fetch_replaces_lost_connections(words):
    assert words.fetch(WORDS, after="one")
    for held, _ in words._reader._free:
        held.connection.driver_connection.close()

    assert [tuple(row) for row in words.fetch(WORDS, after="one")] == [("two",)]


def test_fetch_of_missing_table_is_sqlalchemy_error(words):
    words.fetch(WORDS, after="")
    kept = list(words._reader._free)
    with pytest.raises((OperationalError, ProgrammingError), match="nowhere"):
        words.fetch(NOWHERE)
    assert list(words._reader._free) == kept


@pytest.mark.parametrize("value", ["\ud800", 2**70])
def test_fetch_by_unfit_value_is_data_error(words, value):
    with pytest.raises((DataError, ProgrammingError)):
        words.fetch(WORDS, after=value)


@pytest.mark.parametrize("parameters", [{}, {"before": ""}, {"after": "", "before": ""}])
def test_fetch_with_other_parameters_is_type_error(words, parameters):
    with pytest.raises(TypeError, match="after"):
        words.fetch(WORDS, **parameters)


def test_fetch_in_event_loop_opens_no_connection(words):
    words.engine.dispose()
    with trying(), pytest.raises(ThreadRequired):
        words.fetch(WORDS, after="")
    assert words.fetch(WORDS, after="one")
    with trying():
        assert words.fetch(WORDS, after="one")


def test_fetch_survives_ended_server_connections(empty_postgresql):
    engine = open_database(empty_postgresql)
    database, statement = Database(engine), text("SELECT pg_backend_pid()")
    ((first,),) = database.fetch(statement)
    others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid")
    with database.begin() as session:
        session.execute(others, {"pid": first})
    assert database.fetch(statement) != [(first,)]
    engine.dispose()


def test_concurrent_fetches_keep_few_connections(words):
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda after: len(words.fetch(WORDS, after=after)), ["", "one", "two"] * 40))

    assert found == [2, 1, 0] * 40
    assert len(words._reader._free) <= MAX_KEPT_CONNECTIONS


def test_fetch_reconnects_after_dispose(words):
    assert words.fetch(WORDS, after="one")
    words.engine.dispose()
    assert not words._reader._free

    assert words.fetch(WORDS, after="one")


def test_fetch_returns_committed_rows(words):
    assert [tuple(row) for row in words.fetch(WORDS, after="one")] == [("two",)]
    with words.begin() as session:
        session.execute(text("INSERT INTO words VALUES ('three')"))
    assert [tuple(row) for row in words.fetch(WORDS, after="one")] == [("three",), ("two",)]
