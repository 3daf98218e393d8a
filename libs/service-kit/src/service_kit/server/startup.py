"""The start of a service: errors of its environment are one line on stderr, without a traceback."""

import gc
import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic_settings import BaseSettings
from sqlalchemy.exc import SQLAlchemyError

from service_kit.database.failure_reason import failure_reason
from service_kit.errors import CannotMigrate
from service_kit.settings import S, load

A = TypeVar("A")
EXIT_CANNOT_START = 3
GC_THRESHOLD = 5_000  # new objects between two collections; a request makes some hundreds


def start(create_app: Callable[[S], A], settings: type[S], *, faults: tuple[type[Exception], ...] = ()) -> A:
    """Return the app with the settings of the environment.

    Raise SystemExit(2) if settings are missing or wrong, and SystemExit(3) if the database, a file or folder, or
    one of the service's own `faults`, whose text is safe to show, stops the start.
    """
    values = load(settings)
    own: tuple[type[Exception], ...] = (OSError, CannotMigrate, *faults)
    try:
        app = create_app(values)
        # All objects so far live as long as the process: no collection needs to look at them.
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        return app  # noqa: TRY300 - what follows is for errors alone
    except SQLAlchemyError as error:
        reason = f"the database of DATABASE_URL cannot be used: {_reason(error, values)}"
    except own as error:
        reason = str(error)
    print(f"The service cannot start: {reason}", file=sys.stderr)  # noqa: T201 - before any logger
    raise SystemExit(EXIT_CANNOT_START)


def _reason(error: SQLAlchemyError, settings: BaseSettings) -> str:
    url = getattr(settings, "database_url", None)
    return type(error).__name__ if url is None else failure_reason(error, url)
