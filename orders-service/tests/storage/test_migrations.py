"""The migrations."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from orders_service.storage.tables import Base


def test_migrations_make_tables_of_code(database):
    with database.engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
