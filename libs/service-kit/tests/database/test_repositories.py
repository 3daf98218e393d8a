import pytest
from service_kit.database import UtcTimestamp, outages_as
from sqlalchemy import Column, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted


class StorageUnavailable(Exception):  # noqa: N818 - as in a domain
    """The database does not answer."""


@pytest.mark.parametrize(
    "fault", [OperationalError("SELECT", {}, Exception()), PoolExhausted(), PermissionError()]
)
def test_outage_becomes_error_of_domain(fault):
    with pytest.raises(StorageUnavailable), outages_as(StorageUnavailable):
        raise fault


@pytest.mark.parametrize("kind", [ProgrammingError, IntegrityError])
def test_error_of_sql_is_no_outage(kind):
    with pytest.raises(kind), outages_as(StorageUnavailable):
        raise kind("SELECT", {}, Exception("syntax"))


def test_timestamp_keeps_microseconds():
    table = Table("t", MetaData(), Column("at", UtcTimestamp))
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(insert(table), [{"at": 1_782_907_200.1234564}, {"at": None}])
        stored = connection.scalars(select(table.c.at)).all()
        text = connection.exec_driver_sql("SELECT at FROM t").scalars().first()
    engine.dispose()
    assert stored == [1_782_907_200.123456, None]
    assert text == "2026-07-01 12:00:00.123456"
