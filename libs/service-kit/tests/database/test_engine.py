import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr
from service_kit.database import (
    Database,
    UtcTimestamp,
    database_check,
    open_database,
    threads_at_once,
    upgrade,
)
from service_kit.database.__main__ import main
from service_kit.database.migrations import migrations_of
from service_kit.database.prepared_statements import MAX_KEPT_CONNECTIONS
from service_kit.worker_threads import ThreadRequired, trying
from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateTable
from testkit.database import postgresql_url

ENV = """
from sqlalchemy import MetaData
from service_kit.database import run_migrations
run_migrations(MetaData())
"""
FIRST = """
revision, down_revision = "1", None
import sqlalchemy as sa
from alembic import op
def upgrade():
    op.create_table("things", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer, nullable=False))
    op.create_table("parts", sa.Column("thing", sa.Integer, sa.ForeignKey("things.id"), nullable=False))
    op.execute("INSERT INTO things (id, n) VALUES (1, 0)")
"""
BROKEN = """
revision, down_revision = "2", "1"
from alembic import op
def upgrade():
    op.execute("CREATE TABLE half (id integer)")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""


def write_package(folder: Path, name: str = "some_service") -> Path:
    migrations = folder / name / "storage" / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (migrations / "env.py").write_text(ENV)
    (migrations / "versions" / "1_first.py").write_text(FIRST)
    return migrations


@pytest.fixture
def migrations(tmp_path) -> Path:
    return write_package(tmp_path / "100% packages")


@pytest.fixture
def empty_postgresql():
    with postgresql_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    if request.param == "sqlite":
        engine = open_database(f"sqlite:///{tmp_path}/test.db")
    else:
        engine = open_database(request.getfixturevalue("empty_postgresql"))
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine, migrations) -> Database:
    upgrade(engine, migrations)
    return Database(engine)


def value(database: Database) -> int:
    with database.read() as session:
        return session.execute(text("SELECT n FROM things WHERE id = 1")).scalar_one()


def test_what_was_begun_is_there_afterwards(database):
    with database.begin() as session:
        session.execute(text("UPDATE things SET n = 7"))
    assert value(database) == 7


def change_then_break(database):
    with database.begin() as session:
        session.execute(text("UPDATE things SET n = 7"))
        raise LookupError


def test_what_raises_leaves_nothing(database):
    with pytest.raises(LookupError):
        change_then_break(database)
    assert value(database) == 0


def test_a_reader_does_not_see_what_is_not_committed(database):
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


def test_writers_that_read_first_queue_instead_of_failing(database):
    threads = [threading.Thread(target=add_one, args=(database, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(database) == 40


def test_an_upgrade_that_was_made_is_not_made_again(engine, migrations):
    upgrade(engine, migrations)
    with engine.begin() as connection:
        connection.execute(text("UPDATE things SET n = 3"))
    upgrade(engine, migrations)
    assert value(Database(engine)) == 3


def test_a_migration_that_breaks_leaves_nothing_half_done(engine, migrations):
    (migrations / "versions" / "2_broken.py").write_text(BROKEN)
    with pytest.raises(DBAPIError):
        upgrade(engine, migrations)
    (migrations / "versions" / "2_broken.py").unlink()
    upgrade(engine, migrations)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE half (id integer)"))


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def test_processes_that_migrate_at_once_do_it_once(engine, migrations):
    script = f"""
        import multiprocessing
        from pathlib import Path
        from service_kit.database import open_database, upgrade
        context = multiprocessing.get_context("fork")  # so that what they need is imported once
        begin = context.Barrier(3)
        def migrate():
            begin.wait()
            upgrade(open_database({url_of(engine)!r}), Path({str(migrations)!r}))
        processes = [context.Process(target=migrate) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print([process.exitcode for process in processes])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (told.stdout, told.stderr) == ("[0, 0, 0]\n", "")
    assert value(Database(engine)) == 0


def test_a_database_that_answers_passes_its_check(engine):
    assert database_check(engine)() is None


@pytest.mark.parametrize(
    "url", ["sqlite:////proc/no/such/folder/x.db", "postgresql://nobody:hunter2@127.0.0.1:1/none"]
)
def test_a_database_that_does_not_answer_fails_its_check(url):
    reason = database_check(open_database(url))()
    assert reason is not None
    assert "hunter2" not in reason


def test_sqlite_is_opened_to_lose_nothing(tmp_path):
    engine = open_database(SecretStr(f"sqlite:///{tmp_path}/x.db"))
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    engine.dispose()


def test_a_new_sqlite_file_is_for_its_owner_alone(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    with engine.connect():
        assert stat.S_IMODE((tmp_path / "x.db").stat().st_mode) == 0o600
    engine.dispose()


def test_no_folder_is_made_for_a_sqlite_file(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/missing/x.db")
    with pytest.raises(DBAPIError, match="unable to open"):
        engine.connect()
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_memory_is_one_for_all_sessions(migrations):
    database = Database(open_database("sqlite://"))
    upgrade(database.engine, migrations)
    add_one(database, 1)
    assert value(database) == 1
    database.engine.dispose()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_postgresql_that_vanished_without_a_word_is_not_waited_for_for_long(engine):
    with engine.connect() as connection:
        told = connection.connection.dbapi_connection.info.get_parameters()

    idle, every, count = (int(told[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + every * count <= 11
    assert int(told["tcp_user_timeout"]) <= 5000  # milliseconds


def test_postgresql_means_psycopg_3():
    engine = open_database("postgresql://me:hunter2@db/x")
    assert engine.url.drivername == "postgresql+psycopg"
    assert "hunter2" not in repr(engine)


@pytest.mark.parametrize("unfit", [10**40, "\ud800"])
def test_a_value_that_no_column_can_hold_is_a_data_error(database, unfit):
    with pytest.raises(DataError), database.begin() as session:
        session.execute(text("UPDATE things SET n = :unfit"), {"unfit": unfit})
    assert value(database) == 0


def test_any_other_database_is_refused():
    with pytest.raises(ValueError, match="only SQLite and PostgreSQL"):
        open_database("oracle://db")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_write_in_a_reading_transaction(database):
    with pytest.raises(DBAPIError), database.read() as session:
        session.execute(text("UPDATE things SET n = 9"))


def test_a_writing_transaction_of_sqlite_holds_the_lock_from_its_start(tmp_path, migrations):
    engine = open_database(f"sqlite:///{tmp_path}/x.db")
    upgrade(engine, migrations)
    impatient = sqlite3.connect(tmp_path / "x.db", timeout=0.001, isolation_level=None)
    with Database(engine).begin() as session:
        session.connection()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            impatient.execute("BEGIN IMMEDIATE")
    impatient.execute("BEGIN IMMEDIATE")
    impatient.close()
    engine.dispose()


@pytest.fixture
def package(tmp_path, monkeypatch) -> str:
    write_package(tmp_path / "importable", "a_service")
    monkeypatch.syspath_prepend(str(tmp_path / "importable"))
    return "a_service"


def test_the_command_migrates_a_service_by_its_package(package, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    assert main([package]) == 0
    assert capsys.readouterr().out == f"a_service: sqlite:///{tmp_path}/x.db is up to date\n"
    assert value(Database(open_database(f"sqlite:///{tmp_path}/x.db"))) == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@127.0.0.1:1/x",
        "postgresql://me:hunter2@127.0.0.1:1/x?sslpassword=hunter2",
        "postgresql://me@127.0.0.1:1/x?password=hunter2",
        "postgresql://me:hunter2@127.0.0.1:1/x?no_such_option=1",
        "sqlite:////proc/x.db",
    ],
)
def test_the_command_names_a_database_that_is_out_of_reach_in_one_line(package, monkeypatch, capsys, url):
    monkeypatch.setenv("DATABASE_URL", url)
    assert main([package]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("a_service: cannot migrate ")
    assert "hunter2" not in line


def test_the_command_leaves_a_database_alone_that_a_newer_version_has_migrated(
    package, tmp_path, monkeypatch, capsys
):
    url = f"sqlite:///{tmp_path}/x.db"
    monkeypatch.setenv("DATABASE_URL", url)
    assert main([package]) == 0
    with open_database(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert main([package]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be upgraded" in line
    assert "9999" in line


def test_the_command_needs_a_database_url(package, monkeypatch, capsys):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(SystemExit) as left:
        main([package])
    assert left.value.code == 2
    assert "DATABASE_URL: is required, and missing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no_such_package", "service_kit", "../etc", "json"])
def test_the_command_refuses_what_is_no_service(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name])
    assert left.value.code == 2
    assert "storage/migrations" in capsys.readouterr().err


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    assert "DATABASE_URL" in capsys.readouterr().out


def test_a_package_is_found_without_being_imported(package):
    migrations_of(package)
    assert package not in sys.modules


@pytest.mark.parametrize(
    ("url", "number"), [("sqlite://", 1), ("postgresql://nobody@127.0.0.1:9/none", 4)], ids=["sqlite", "pg"]
)
def test_threads_at_once_depend_on_where_the_database_works(url, number):
    assert threads_at_once(open_database(url)) == number


NOWHERE = text("SELECT * FROM nowhere")
WORDS = text("SELECT word FROM words WHERE word > :after ORDER BY word")


@pytest.fixture
def words(database) -> Database:
    with database.begin() as session:
        session.execute(text("CREATE TABLE words (word VARCHAR(9))"))
        session.execute(text("INSERT INTO words VALUES ('one'), ('two')"))
    return database


def test_fetched_values_are_of_the_columns_types(database):
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


def test_fetch_goes_on_after_its_connections_were_lost(words):
    assert words.fetch(WORDS, after="one")
    for held, _ in words._reader._free:
        held.connection.driver_connection.close()

    assert [tuple(row) for row in words.fetch(WORDS, after="one")] == [("two",)]


def test_fetch_of_what_is_not_there_is_named_by_sqlalchemy(words):
    words.fetch(WORDS, after="")
    kept = list(words._reader._free)
    with pytest.raises((OperationalError, ProgrammingError), match="nowhere"):
        words.fetch(NOWHERE)
    assert list(words._reader._free) == kept


@pytest.mark.parametrize("value", ["\ud800", 2**70])
def test_fetch_by_a_value_that_no_column_holds_is_a_data_error(words, value):
    with pytest.raises((DataError, ProgrammingError)):
        words.fetch(WORDS, after=value)


@pytest.mark.parametrize("parameters", [{}, {"before": ""}, {"after": "", "before": ""}])
def test_fetch_with_other_parameters_is_a_type_error(words, parameters):
    with pytest.raises(TypeError, match="after"):
        words.fetch(WORDS, **parameters)


def test_fetch_in_the_loop_opens_no_connection(words):
    words.engine.dispose()
    with trying(), pytest.raises(ThreadRequired):
        words.fetch(WORDS, after="")
    assert words.fetch(WORDS, after="one")
    with trying():
        assert words.fetch(WORDS, after="one")


def test_fetch_goes_on_where_the_server_ended_its_connections(empty_postgresql):
    engine = open_database(empty_postgresql)
    database, statement = Database(engine), text("SELECT pg_backend_pid()")
    ((first,),) = database.fetch(statement)
    others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid")
    with database.begin() as session:
        session.execute(others, {"pid": first})
    assert database.fetch(statement) != [(first,)]
    engine.dispose()


def test_fetches_at_once_keep_few_connections(words):
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda after: len(words.fetch(WORDS, after=after)), ["", "one", "two"] * 40))

    assert found == [2, 1, 0] * 40
    assert len(words._reader._free) <= MAX_KEPT_CONNECTIONS


def test_fetch_opens_connections_again_after_a_dispose(words):
    assert words.fetch(WORDS, after="one")
    words.engine.dispose()
    assert not words._reader._free

    assert words.fetch(WORDS, after="one")


def test_fetch_sees_what_was_committed(words):
    assert [tuple(row) for row in words.fetch(WORDS, after="one")] == [("two",)]
    with words.begin() as session:
        session.execute(text("INSERT INTO words VALUES ('three')"))
    assert [tuple(row) for row in words.fetch(WORDS, after="one")] == [("three",), ("two",)]
