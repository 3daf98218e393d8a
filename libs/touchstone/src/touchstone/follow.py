"""Owns one document kept fresh over HTTP, off the request path."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from threading import Condition, Thread
from typing import Any, Generic, TypeVar
from weakref import WeakSet

import requests

T = TypeVar("T")
log = logging.getLogger("touchstone")

WAIT = 25  # seconds that the server may hold an unchanged document back (RFC 7240 section 4.3)
CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0  # beyond what we asked the server to wait
EARLY_EVERY = 10.0  # seconds between two fetches out of turn
_EARLY_WAITERS = 2  # threads that may wait for a fetch out of turn; the others are answered at once
_SHORTEST, _LONGEST = 5.0, 3600.0  # bounds of the interval that a server may ask for
_AT_ONCE, _SOON = 0.05, 1.0  # breath between two waits; the same where the server may not have waited
_NOTICEABLE = 0.3  # seconds: a change that took this long was perhaps waited for
_BACKOFF, _BACKOFF_CAP = 0.25, 4.0
_FIRST_CAP = 1.0  # while there has been no value, and nothing can be served
_OK, _NOT_MODIFIED = 200, 304
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:[,\s]|$)", re.IGNORECASE)
_APPLIED = re.compile(r"(?:^|[,\s])wait(?:=|[,;\s]|$)", re.IGNORECASE)


class BadAnswerError(ValueError):
    """The server's answer cannot be used; what it says is safe to show."""


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes | None  # None: not modified
    etag: str | None
    interval: float | None  # the server's max-age
    applied: bool  # the server says that it waited, or would have
    took: float


def plain_session() -> requests.Session:
    """Make a session that follows nothing but the URL that it is given: no proxy, no .netrc, no cookies kept."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["User-Agent"] = "touchstone"
    session.headers["Accept-Encoding"] = "identity"
    return session


class Follower(Generic[T]):
    """Follows the document at `url`: `value` is the last good one, as `parse` made it, or None so far.

    A daemon thread asks with `If-None-Match` and `Prefer: wait=25`: a server that can wait answers when the
    document changes; of one that cannot, `max-age` (or `default_interval`, seconds) is the polling interval. An
    answer that fails, redirects, is larger than `max_bytes`, or that `parse` refuses (ValueError) changes
    nothing and is asked for again, sooner at first and then every few seconds. The thread starts at first use in
    the process that uses it, also after a fork. Any number of threads may share a follower.
    """

    def __init__(  # noqa: PLR0913 - what tests need to hand in, by keyword
        self,
        url: str,
        parse: Callable[[bytes], T],
        *,
        max_bytes: int = 150_000,
        default_interval: float = 60.0,
        session: Callable[[], requests.Session] = plain_session,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.url = url
        self._parse = parse
        self._max_bytes = max_bytes
        self._default_interval = default_interval
        self._new_session = session
        self._clock = clock
        self._jitter = jitter
        self._value: T | None = None
        self._etag: str | None = None
        self._version = 0
        self._confirmed: float | None = None
        self._failures = 0
        self._waits = False
        self._last_error: str | None = None
        self._begin()
        _followers.add(self)

    def _begin(self) -> None:
        """Start over in a new process, which has inherited neither thread nor sockets; the value stays good."""
        self._changed = Condition()
        self._session = self._new_session()
        self._thread: Thread | None = None
        self._closed = False
        self._tried = False
        self._early_after = float("-inf")
        self._early_running = False
        self._early_waiters = 0

    @property
    def value(self) -> T | None:
        """The last good value, at once; None while there has been none."""
        if self._thread is None:
            self._start()
        return self._value

    @property
    def age(self) -> float | None:
        """Seconds since the server last confirmed the value; None while there is none."""
        confirmed = self._confirmed
        return None if confirmed is None else max(0.0, self._clock() - confirmed)

    @property
    def last_error(self) -> str | None:
        """Why the last attempt failed; None if it did not."""
        return self._last_error

    def wait_ready(self, timeout: float) -> bool:
        """Wait for the first attempt to end, at most `timeout` seconds; tell whether there is a value."""
        with self._changed:
            self._changed.wait_for(lambda: self.value is not None or self._tried, timeout)
            return self._value is not None

    def refresh_soon(self, wait: float = 0.0) -> None:
        """Ask out of turn, at most once in 10 s for all threads, and stay up to `wait` seconds for the answer."""
        with self._changed:
            if not self._early_running:
                if self._closed or self._clock() < self._early_after:
                    return
                Thread(target=self._early, name="touchstone-early", daemon=True).start()
                self._early_after = self._clock() + EARLY_EVERY
                self._early_running = True
            if wait > 0 and self._early_waiters < _EARLY_WAITERS:
                self._early_waiters += 1
                self._changed.wait_for(lambda: not self._early_running, wait)
                self._early_waiters -= 1

    def close(self) -> None:
        """Stop following. The last value stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._session.close()

    def poll(self, *, wait: bool = True) -> float:
        """Ask once; return the seconds to pause before asking again. Never raises."""
        with self._changed:
            version, etag = self._version, self._etag
        try:
            answer = self._ask(etag, wait=wait)
            value = None if answer.body is None else self._parse(answer.body)
        except Exception as error:  # noqa: BLE001 - whatever it was, the last good value goes on serving
            return self._failed(error)
        with self._changed:
            if version != self._version:
                return _AT_ONCE  # overtaken by a newer answer
            return self._succeeded(answer, value)

    def _start(self) -> None:
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = Thread(target=self._run, name="touchstone-follow", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closed:
            pause = self.poll()
            with self._changed:
                self._changed.wait_for(lambda: self._closed, pause)

    def _early(self) -> None:
        try:
            self.poll(wait=False)
        finally:
            with self._changed:
                self._early_running = False
                self._changed.notify_all()

    def _ask(self, etag: str | None, *, wait: bool) -> _Answer:
        wait = wait and etag is not None
        headers = {} if etag is None else {"If-None-Match": etag}
        if wait:
            headers["Prefer"] = f"wait={WAIT}"
        patience = READ_TIMEOUT + (WAIT if wait else 0)
        began = self._clock()
        with self._session.get(
            self.url, headers=headers, stream=True, allow_redirects=False, timeout=(CONNECT_TIMEOUT, patience)
        ) as response:
            if response.status_code == _NOT_MODIFIED and etag is not None:
                body = None
            elif response.status_code == _OK:
                body = self._read(response, began + patience)
            else:
                raise BadAnswerError(f"answered {response.status_code}")
            told = response.headers
        max_age = _MAX_AGE.search(told.get("Cache-Control", ""))
        return _Answer(
            body,
            told.get("ETag"),
            None if max_age is None else float(max_age[1]),
            _APPLIED.search(told.get("Preference-Applied", "")) is not None,
            self._clock() - began,
        )

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswerError("answered in an encoding that was not asked for")
        body = bytearray()
        while chunk := response.raw.read1(16_384):
            body += chunk
            if len(body) > self._max_bytes:
                raise BadAnswerError("answered too much")
            if self._clock() > deadline:
                raise BadAnswerError("answered too slowly")
        return bytes(body)

    def _succeeded(self, answer: _Answer, value: T | None) -> float:
        changed = answer.body is not None and (self._value is None or value != self._value)
        held = answer.took >= WAIT / 2
        self._waits = answer.applied or held or (changed and self._waits)
        if answer.body is not None:
            self._value, self._etag = value, answer.etag
            self._version += 1
        if self._failures:
            log.info("following again: %s", self.url)
        self._confirmed, self._failures, self._last_error, self._tried = self._clock(), 0, None, True
        self._changed.notify_all()
        if held or (changed and (self._waits or answer.took >= _NOTICEABLE or self._version == 1)):
            return _AT_ONCE
        if self._waits or changed:
            return _SOON
        interval = self._default_interval if answer.interval is None else answer.interval
        return min(max(interval, _SHORTEST), _LONGEST) * (0.9 + 0.1 * self._jitter())

    def _failed(self, error: Exception) -> float:
        reason = (
            str(error)
            if isinstance(error, ValueError) and not isinstance(error, requests.RequestException)
            else ""
        )
        with self._changed:
            if not self._failures:
                log.warning("cannot follow %s: %s %s", self.url, type(error).__name__, reason)
            self._failures += 1
            self._last_error = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
            self._tried = True
            self._changed.notify_all()
            cap = _FIRST_CAP if self._value is None else _BACKOFF_CAP
            longest = min(cap, _BACKOFF * 2.0 ** min(self._failures, 10))
        return longest * (0.5 + 0.5 * self._jitter())


_followers: WeakSet[Follower[Any]] = WeakSet()


def _after_fork() -> None:
    for follower in list(_followers):
        follower._begin()  # noqa: SLF001 - the same module


os.register_at_fork(after_in_child=_after_fork)
