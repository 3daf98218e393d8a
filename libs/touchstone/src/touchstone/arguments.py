"""Checks of constructor arguments: a mistake is a ValueError at once, not a refusal of every token later."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeGuard
from urllib.parse import urlsplit

from touchstone.text import is_line

_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")  # RFC 3986 section 2
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_MAX_LEEWAY_SECONDS = 300
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3


def url(name: str, value: object, *, query: bool = False, credentials: bool = False) -> str:
    """Return an absolute http or https URL without a fragment; else raise ValueError, which never repeats the value.

    A query is allowed only with `query`, a user's name and password only with `credentials`.
    """
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise ValueError(f"{name} must be a URL in ASCII, without spaces")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{name} must be a URL with a valid host and port") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"{name} must begin with http:// or https://")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError(f"{name} must be a URL with a valid host and port")
    if "@" in parts.netloc and not credentials:
        raise ValueError(f"{name} must not hold a user's name or password")
    if "#" in value or ("?" in value and not query):
        raise ValueError(f"{name} must not have a query or a fragment")
    return value


def path(name: str, value: object) -> str:
    """Return a path that can be appended to a URL, perhaps with a query; raise ValueError for anything else."""
    if not isinstance(value, str) or not value.startswith("/") or not _URL.fullmatch(value) or "#" in value:
        raise ValueError(f"{name} must be a path in ASCII that begins with /, without spaces")
    return value


def text(name: str, value: object) -> None:
    """Raise ValueError unless this is a non-empty string without surrounding spaces or control characters."""
    if not isinstance(value, str) or not value or value != value.strip() or not is_line(value):
        raise ValueError(
            f"{name} must be a non-empty string without surrounding spaces or control characters"
        )


def seconds(name: str, value: object) -> None:
    """Raise ValueError unless this is an int or a float above 0; infinity is allowed, NaN and bool are not."""
    if not _is_number(value) or not value > 0:
        raise ValueError(f"{name} must be a number of seconds above 0")


def leeway(value: object) -> None:
    """Raise ValueError unless this is a number of seconds from 0 to 300."""
    if not _is_number(value) or not 0 <= value <= _MAX_LEEWAY_SECONDS:
        raise ValueError(f"leeway must be a number of seconds from 0 to {_MAX_LEEWAY_SECONDS}")


def folder(name: str, value: object) -> Path:
    """Return the path of a folder, which need not exist; raise ValueError for anything else."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value) or Path(value).is_file():
        raise ValueError(f"{name} must be the path of a folder, which need not exist")
    return Path(value)


def count(name: str, value: object, *, least: int = 0) -> None:
    """Raise ValueError unless this is an integer, `least` or more."""
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be an integer, {least} or more")


def function(name: str, value: object) -> None:
    """Raise ValueError unless this can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be a function")  # noqa: TRY004 - one error for every bad argument


def _is_number(value: object) -> TypeGuard[float]:
    """Return whether this is an int or a float, and no bool."""
    return type(value) in {int, float}


def scopes(values: object) -> tuple[str, ...]:
    """Return the scopes as a tuple; raise ValueError unless each is valid (RFC 6749 section 3.3)."""
    if not isinstance(values, tuple | list | set | frozenset):
        raise ValueError("any_of must be a list of scopes: any_of=('admin', 'orders:write')")  # noqa: TRY004 - as above
    for value in values:
        if not isinstance(value, str) or not _SCOPE.fullmatch(value):
            raise ValueError(
                "each scope is a string of its own, without spaces: 'orders:read', 'orders:write'"
            )
    return tuple(values)
