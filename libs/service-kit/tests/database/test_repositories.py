from datetime import UTC, datetime, timedelta, timezone

import pytest
from service_kit.database import UtcTimestamp, outages_as
from sqlalchemy import Column, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted


class Away(Exception):  # noqa: N818 - a domain's own word
    """The database does not answer."""


@pytest.mark.parametrize(
    "fault", [OperationalError("SELECT", {}, Exception()), PoolExhausted(), PermissionError()]
)
def test_a_database_that_does_not_answer_is_told_in_the_domains_words(fault):
    with pytest.raises(Away), outages_as(Away):
        raise fault


@pytest.mark.parametrize("kind", [ProgrammingError, IntegrityError])
def test_a_fault_of_our_own_is_not_taken_for_an_outage(kind):
    with pytest.raises(kind), outages_as(Away):
        raise kind("SELECT", {}, Exception("syntax"))


def test_a_time_is_read_in_utc_whatever_zone_it_was_written_in():
    table = Table("t", MetaData(), Column("at", UtcTimestamp))
    noon = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(
            insert(table), [{"at": noon.astimezone(timezone(timedelta(hours=5)))}, {"at": None}]
        )
        written, nothing = connection.scalars(select(table.c.at))
    engine.dispose()
    assert (written, written.tzinfo, nothing) == (noon, UTC, None)
