"""The migrations and the tables that the code sees are the same."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from orders_service.storage.tables import metadata


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_that_the_code_sees(engine, request):
    with request.getfixturevalue(engine).engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
