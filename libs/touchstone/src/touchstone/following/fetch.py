"""One conditional GET of a document (RFC 9110 section 13), bounded in size and time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

WAIT_SECONDS = (
    25  # for which the server may hold its response until the document changes (RFC 7240 section 4.3)
)
CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0  # in addition to the wait
_OK, _NOT_MODIFIED = 200, 304
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:[,\s]|$)", re.IGNORECASE)
_WAIT_APPLIED = re.compile(r"(?:^|[,\s])wait(?:=|[,;\s]|$)", re.IGNORECASE)


class BadResponseError(ValueError):
    """The server's response cannot be used; the message is safe to show."""


@dataclass(frozen=True, slots=True)
class Response:
    """A usable response; times in seconds."""

    body: bytes | None  # None: not modified
    etag: str | None
    max_age: float | None
    wait_applied: bool  # according to Preference-Applied
    seconds: float

    @property
    def held(self) -> bool:
        """Return whether the server must have waited, even if it does not say so."""
        return self.seconds >= WAIT_SECONDS / 2


def fetch(  # noqa: PLR0913 - the follower's state, by keyword
    session: requests.Session,
    url: str,
    etag: str | None,
    *,
    wait: bool,
    max_bytes: int,
    clock: Callable[[], float] = time.monotonic,
) -> Response:
    """Get the document at `url` unless it still has `etag`; with `wait`, let the server wait for a change.

    Follows no redirect. The whole response comes within 5 s, or 30 s where the server may wait. Raises
    BadResponseError if it is unusable, an error of requests or urllib3 if it is missing, cut off or too late.
    """
    headers = {"User-Agent": "touchstone", "Accept-Encoding": "identity"}
    if etag is not None:
        headers["If-None-Match"] = etag
    wait = wait and etag is not None
    if wait:
        headers["Prefer"] = f"wait={WAIT_SECONDS}"
    timeout = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS + (WAIT_SECONDS if wait else 0))
    began = clock()
    with session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout) as response:
        if response.status_code == _NOT_MODIFIED and etag is not None:
            body = None
        elif response.status_code == _OK:
            body = _read(response, max_bytes)
        else:
            raise BadResponseError(f"answered {response.status_code}")
        fields = response.headers
    max_age = _MAX_AGE.search(fields.get("Cache-Control", ""))
    return Response(
        body,
        fields.get("ETag"),
        None if max_age is None else float(max_age[1]),
        _WAIT_APPLIED.search(fields.get("Preference-Applied", "")) is not None,
        clock() - began,
    )


def _read(response: requests.Response, max_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadResponseError("used a content encoding that was not requested")
    body = bytearray()
    while chunk := response.raw.read1(16_384):
        body += chunk
        if len(body) > max_bytes:
            raise BadResponseError(f"sent more than {max_bytes} bytes")
    return bytes(body)
