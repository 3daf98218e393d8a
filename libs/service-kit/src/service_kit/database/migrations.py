"""Bringing a database's tables up to date, once, whoever else tries at the same time."""

import importlib.util
import zlib
from contextlib import nullcontext
from pathlib import Path

from sqlalchemy import Engine, MetaData, inspect, text

from service_kit.database.engine import Database, file_lock, lock_file, sqlite_file
from service_kit.errors import CannotMigrate


def upgrade(engine: Engine, migrations: Path) -> None:
    """Run the missing migrations of the folder (Alembic's: env.py and versions/), all in one transaction.

    Processes that try at once do it one after the other, and the later ones find nothing to do. SQLAlchemyError when
    the database cannot be reached, CannotMigrate when it is ahead of the folder; nothing is half done then.
    """
    if is_up_to_date(engine, migrations):
        return
    # Imported where there is something to do: it takes longer than the rest of most commands.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    file = sqlite_file(engine.url) if engine.dialect.name == "sqlite" else None
    with file_lock(lock_file(file, "migrate")) if file else nullcontext(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = '60s'"))
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            key = zlib.crc32(f"{engine.url.database}/migrations".encode())
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise CannotMigrate(f"the database cannot be brought up to date: {error}") from error


def is_up_to_date(engine: Engine, migrations: Path) -> bool:
    """Return whether the database has been through the folder's last migration; SQLAlchemyError as in `upgrade`.

    A file in versions/ is named after its revision, `0007_words.py`, and the last name is the last revision.
    """
    last = max(
        (file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*.py")), default=""
    )
    with Database(engine).read() as session:
        connection = session.connection()
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [last]


def run_migrations(metadata: MetaData) -> None:
    """Be the whole of an env.py: run what `upgrade` asked for on the connection that it gave."""
    from alembic import context

    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrations_of(package: str) -> Path:
    """Return the migrations folder of an installed service package; LookupError if it has none."""
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "storage" / "migrations"
        if (folder / "env.py").is_file():
            return folder
    raise LookupError(f"no package {package!r} with storage/migrations is installed")
