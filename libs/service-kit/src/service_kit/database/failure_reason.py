"""Why a database cannot be used, in words without passwords."""

import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from pydantic import SecretStr
from sqlalchemy import URL

from service_kit.database.url import parse

LONGEST_REASON = 300  # characters of a driver's message
# Patterns of drivers' messages, and what they mean; the first match counts.
REASONS: Mapping[str, str] = {
    r"password authentication failed|no password supplied|authentication failed": "the server refuses the user or the password",
    r'role ".*" does not exist': "the user does not exist",
    r'role ".*" is not permitted to log in': "the user may not log in",
    r'database ".*" does not exist': "the server has no database of this name",
    r"permission denied": "the user lacks a permission",
    r"no pg_hba\.conf entry": "the server does not accept this user from this address, or only with TLS",
    r"certificate|ssl|tls": "TLS failed",
    r"could not translate host name|failed to resolve host|name or service not known|no address associated": "the host is unknown",
    r"connection refused|no such file or directory": "no server answers at this address",
    r"time(d )?out": "the server does not answer in time",
    r"network is unreachable|no route to host": "the server cannot be reached",
    r"too many (clients|connections)|remaining connection slots": "the server accepts no more connections",
    r"is starting up|is shutting down|in recovery mode": "the server is not ready",
    r"unable to open database file": "the file cannot be opened or created",
    r"file is not a database|malformed": "the file is not a SQLite database, or is damaged",
    r"readonly database": "the file may not be written to",
    r"database is locked": "another process holds the file's lock",
    r"disk (i/o error|is full)|no space left": "the disk is full or failing",
}


def failure_reason(error: Exception, url: str | SecretStr) -> str:
    """Return the reason, with the first line of the driver's message in brackets, without the secrets of `url`."""
    message = str(getattr(error, "orig", None) or error).strip()
    line = next(iter(message.splitlines()), type(error).__name__)
    for secret in _secrets(parse(url)):
        line = line.replace(secret, "***")
    reason = next(
        (reason for pattern, reason in REASONS.items() if re.search(pattern, message, re.IGNORECASE)), None
    )
    return f"{reason} ({line[:LONGEST_REASON]})" if reason else line[:LONGEST_REASON]


def _secrets(url: URL) -> set[str]:
    """Return the passwords in a URL, plain and percent-encoded."""
    named = [value for name, value in url.normalized_query.items() if "pass" in name.lower()]
    plain = {url.password, *(one for values in named for one in values)} - {None, ""}
    return {
        form
        for secret in plain
        for form in (str(secret), quote(str(secret), safe=""), quote_plus(str(secret)))
    }
