"""The setting DATABASE_URL: its type, its checks, and a form of it that is safe to show."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SQLITE_HEADER = b"SQLite format 3\x00"


def _check(value: SecretStr) -> SecretStr:
    try:
        url = parse(value)
    except (ArgumentError, ValueError):
        raise ValueError("must be a database URL in SQLAlchemy's form") from None
    backend = url.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise ValueError("must name SQLite (sqlite:///…) or PostgreSQL (postgresql://…)")
    fault = _sqlite_fault(url) if backend == "sqlite" else None
    if fault is not None:
        raise ValueError(fault)
    return value


def _sqlite_fault(url: URL) -> str | None:
    """Return why a service cannot use a SQLite URL, or None. Creates and changes no file."""
    name = url.database or ""
    if name in {"", ":memory:"}:
        return "must name a file: a database in memory is lost with its process"
    if name.startswith("file:"):
        return "must name a file by its path, as in sqlite:////folder/file.db"
    try:
        return _file_fault(Path(name))
    except (OSError, ValueError):  # a folder without permission to enter, or a NUL in the name
        return "must name a file that this service can reach"


def _file_fault(file: Path) -> str | None:
    if file.is_dir():
        return "must name a file, not a folder"
    if not file.parent.is_dir():
        return "must name a file in a folder that exists"
    if not os.access(file.parent, os.W_OK | os.X_OK):
        return "must name a file in a folder that this service may write to"
    if not file.exists():
        return None
    if not file.is_file() or not os.access(file, os.R_OK | os.W_OK):
        return "must name a file that this service may read and write"
    with file.open("rb") as content:
        start = content.read(len(SQLITE_HEADER))
    return (
        None if start in {b"", SQLITE_HEADER} else "must name a SQLite database; this is another kind of file"
    )


def address(url: str | SecretStr) -> str:
    """Return the URL without password and options (which may hold a password too), for messages."""
    return parse(url).set(query={}).render_as_string(hide_password=True)


def parse(url: str | SecretStr) -> URL:
    """Return the parsed URL, with its password."""
    return make_url(url.get_secret_value() if isinstance(url, SecretStr) else url)


DatabaseUrl = Annotated[SecretStr, AfterValidator(_check)]
