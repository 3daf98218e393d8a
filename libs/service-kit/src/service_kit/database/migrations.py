"""Migrations: upgrade a database's tables with Alembic, under a lock between processes."""

import importlib.util
import zlib
from contextlib import nullcontext
from pathlib import Path

from sqlalchemy import Engine, MetaData, inspect, text

from service_kit.database.engine import Database, file_lock, lock_file, sqlite_file
from service_kit.errors import CannotMigrate


def upgrade(engine: Engine, migrations: Path) -> None:
    """Run the missing migrations of the folder (Alembic's: env.py and versions/), all in one transaction.

    Concurrent calls, of other processes too, run one after the other. Raise SQLAlchemyError if the database is
    unavailable, CannotMigrate if it is newer than the folder; nothing is changed then.
    """
    if is_up_to_date(engine, migrations):
        return
    # Imported late: the import takes longer than the rest of most commands.
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
            raise CannotMigrate(f"the database cannot be upgraded: {error}") from error


def is_up_to_date(engine: Engine, migrations: Path) -> bool:
    """Return whether the database has the folder's last migration; raise SQLAlchemyError as `upgrade` does.

    A file in versions/ has its revision in its name, as in `0007_roles.py`; the last name is the last revision.
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
    """Run the migrations on the connection of `upgrade`. This is all that an env.py does."""
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
