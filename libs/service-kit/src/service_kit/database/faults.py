"""What is wrong with a database, in words that are safe to show: they hold no password."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from pydantic import SecretStr
from sqlalchemy import URL, make_url

LONGEST_REASON = 300  # characters of a driver's message
SQLITE_HEADER = b"SQLite format 3\x00"
# What drivers say of a database that cannot be used, and what it means; the first that fits counts.
REASONS: Mapping[str, str] = {
    r"password authentication failed|no password supplied|authentication failed": "the server refuses the user or the password",
    r'role ".*" does not exist': "the server knows no such user",
    r'role ".*" is not permitted to log in': "the user may not log in",
    r'database ".*" does not exist': "the server has no database of this name",
    r"permission denied": "the user lacks a permission",
    r"no pg_hba\.conf entry": "the server does not accept this user from this address, or only with TLS",
    r"certificate|ssl|tls": "TLS failed",
    r"could not translate host name|failed to resolve host|name or service not known|no address associated": "the host is unknown",
    r"connection refused|no such file or directory": "no server answers at this address",
    r"time(d )?out": "the server does not answer in time",
    r"network is unreachable|no route to host": "the server cannot be reached",
    r"too many (clients|connections)|remaining connection slots": "the server has no connection left",
    r"is starting up|is shutting down|in recovery mode": "the server is not ready",
    r"unable to open database file": "the file cannot be opened or made",
    r"file is not a database|malformed": "the file is no SQLite database, or is damaged",
    r"readonly database": "the file may not be written to",
    r"database is locked": "another process holds the file's lock",
    r"disk (i/o error|is full)|no space left": "the disk is full, or fails",
}


def sqlite_fault(url: URL) -> str | None:
    """Return why a SQLite URL cannot work for a service, None if nothing is seen; nothing is opened for writing or made."""
    name = url.database or ""
    if name in {"", ":memory:"}:
        return (
            "must name a file: a database in memory is empty after each start, and every process has its own"
        )
    if name.startswith("file:"):
        return "must name a file by its path, as in sqlite:////folder/file.db"
    try:
        return _file_fault(Path(name))
    except (OSError, ValueError):  # a folder on the way that may not be entered, a NUL in the name
        return "must name a file that this service can reach"


def _file_fault(file: Path) -> str | None:
    if file.is_dir():
        return "must name a file, and names a folder"
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
        None
        if start in {b"", SQLITE_HEADER}
        else "must name a SQLite database, and names another kind of file"
    )


def address(url: str | SecretStr) -> str:
    """Return where a database is, to be shown: without its password, and without options, which may hold one."""
    return _parsed(url).set(query={}).render_as_string(hide_password=True)


def reason_of(error: Exception, url: str | SecretStr) -> str:
    """Return why a database cannot be used: what it means, and the driver's first line without the secrets of `url`."""
    words = str(getattr(error, "orig", None) or error).strip()
    said = next(iter(words.splitlines()), type(error).__name__)
    for secret in _secrets(_parsed(url)):
        said = said.replace(secret, "***")
    meaning = next(
        (why for pattern, why in REASONS.items() if re.search(pattern, words, re.IGNORECASE)), None
    )
    return f"{meaning} ({said[:LONGEST_REASON]})" if meaning else said[:LONGEST_REASON]


def _parsed(url: str | SecretStr) -> URL:
    return make_url(url.get_secret_value() if isinstance(url, SecretStr) else url)


def _secrets(url: URL) -> set[str]:
    """Return what is secret in a URL, as it is and as it may have been written there."""
    named = [value for name, value in url.normalized_query.items() if "pass" in name.lower()]
    plain = {url.password, *(one for values in named for one in values)} - {None, ""}
    return {
        form
        for secret in plain
        for form in (str(secret), quote(str(secret), safe=""), quote_plus(str(secret)))
    }
