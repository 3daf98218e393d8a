"""Owns one HTTP question about a document, and that its answer is bounded in size and time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

WAIT = 25  # seconds that the server may hold an unchanged document back (RFC 7240 section 4.3)
CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0  # beyond what we asked the server to wait
_OK, _NOT_MODIFIED = 200, 304
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:[,\s]|$)", re.IGNORECASE)
_APPLIED = re.compile(r"(?:^|[,\s])wait(?:=|[,;\s]|$)", re.IGNORECASE)


class BadAnswerError(ValueError):
    """The server's answer cannot be used; what it says is safe to show."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; times in seconds."""

    body: bytes | None  # None: not modified
    etag: str | None
    max_age: float | None
    applied: bool  # the server says that it waited, or would have
    took: float

    @property
    def held(self) -> bool:
        """Whether the server must have waited, told or untold."""
        return self.took >= WAIT / 2


def ask(  # noqa: PLR0913 - what the follower knows, by keyword
    session: requests.Session,
    url: str,
    etag: str | None,
    *,
    wait: bool,
    max_bytes: int,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Ask for the document at `url` if it is not the one with `etag` any more, and let the server wait for that.

    Follows no redirect. The whole answer comes within 5 s, or 30 s where the server may wait. Raises BadAnswerError for
    what is no answer, requests' or urllib3's errors for what never came, or too late.
    """
    wait = wait and etag is not None
    headers = {"User-Agent": "touchstone", "Accept-Encoding": "identity"}
    if etag is not None:
        headers["If-None-Match"] = etag
    if wait:
        headers["Prefer"] = f"wait={WAIT}"
    patience = READ_TIMEOUT + (WAIT if wait else 0)
    began = clock()
    with session.get(
        url, headers=headers, stream=True, allow_redirects=False, timeout=(CONNECT_TIMEOUT, patience)
    ) as response:
        if response.status_code == _NOT_MODIFIED and etag is not None:
            body = None
        elif response.status_code == _OK:
            body = _read(response, max_bytes)
        else:
            raise BadAnswerError(f"answered {response.status_code}")
        told = response.headers
    max_age = _MAX_AGE.search(told.get("Cache-Control", ""))
    return Answer(
        body,
        told.get("ETag"),
        None if max_age is None else float(max_age[1]),
        _APPLIED.search(told.get("Preference-Applied", "")) is not None,
        clock() - began,
    )


def _read(response: requests.Response, max_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadAnswerError("answered in an encoding that was not asked for")
    body = bytearray()
    while chunk := response.raw.read1(16_384):
        body += chunk
        if len(body) > max_bytes:
            raise BadAnswerError("answered too much")
    return bytes(body)
