"""Telling every process of the mint that what it publishes has changed."""

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

CHANNEL = "touchstone"
_NOTIFY = text("SELECT pg_notify(:channel, '')")
_log = structlog.get_logger(__name__)


def announce(engine: Engine) -> None:
    """Notify who listens on the channel; SQLite needs nothing said, for its ``data_version`` tells by itself.

    Called after the commit, never in it: PostgreSQL lets only one transaction that notifies commit at a time, flush to
    disk included. Who dies in between has answered nobody yet, and all processes look by themselves every so often.
    """
    if engine.dialect.name != "postgresql":
        return
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # no transaction, so one way there and back: it comes after the end of every session
            connection.execute(_NOTIFY, {"channel": CHANNEL})
    except SQLAlchemyError as error:  # the change is done, and will be seen a moment later
        _log.warning("a change could not be announced", reason=type(error).__name__)
