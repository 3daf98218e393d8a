"""Keeps one document recent over HTTP, in a background thread."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import Any, Generic, TypeVar
from weakref import WeakSet, finalize, ref

import requests

from touchstone import arguments
from touchstone.following import poll_interval
from touchstone.following.failure_log import FailureLog
from touchstone.following.fetch import Response, fetch
from touchstone.following.on_demand import OnDemandRefresh
from touchstone.following.snapshot import Snapshot
from touchstone.following.transport import abort, plain_session

T = TypeVar("T")
log = logging.getLogger("touchstone")

REFRESH_INTERVAL_SECONDS = 10.0  # between two on-demand refreshes


@dataclass(frozen=True, slots=True)
class DocumentStats:
    """The state of one document in this process.

    `age` is in seconds since the server last confirmed it, None if it never did. `fetches` counts those that have
    ended, of which `unchanged` found no change and `failures` failed; the server held `waits` of them.
    """

    name: str
    age: float | None
    version: int  # number of changes
    fetches: int
    unchanged: int
    failures: int
    waits: int
    last_error: str | None


class Follower(Generic[T]):
    """Follows the document at `url`: `value` is the last good one, as `parse` returned it, or None so far.

    A daemon thread fetches with `If-None-Match` and `Prefer: wait=25`: a server that supports it responds when the
    document changes; any other is polled at the interval of `max-age` (or `default_interval`, seconds). A response
    that fails, redirects, is larger than `max_bytes`, or that `parse` refuses (ValueError) changes nothing, and the
    fetch is retried with a backoff of at most 4 s. If the first attempt fails, the value comes from the `snapshot` of
    an earlier process. A value that was not confirmed for `forget_after` seconds is dropped; if it was not for
    `alert_after`, an error is logged once. The thread starts at first use in a process, also after a fork; it ends with
    `close`, and with the follower. Any number of threads may share a follower. Raises ValueError for an invalid argument.
    """

    def __init__(  # noqa: PLR0913 - settings, by keyword
        self,
        url: str,
        parse: Callable[[bytes], T],
        *,
        max_bytes: int = 150_000,
        default_interval: float = 60.0,
        name: str = "",
        ttl: Callable[[T], float | None] = lambda _value: None,
        snapshot: Snapshot | None = None,
        forget_after: float = inf,
        alert_after: float = inf,
        session: Callable[[], requests.Session] = plain_session,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.url = arguments.url("url", url, query=True)
        arguments.function("parse", parse)
        arguments.count("max_bytes", max_bytes, least=1)
        for setting, value in (
            ("default_interval", default_interval),
            ("forget_after", forget_after),
            ("alert_after", alert_after),
        ):
            arguments.seconds(setting, value)
        self.name = name or url
        self._parse = parse
        self._ttl = ttl
        self._snapshot = snapshot
        self._forget_after = forget_after
        self._max_bytes = max_bytes
        self._default_interval = default_interval
        self._new_session = session
        self._clock = clock
        self._jitter = jitter
        self._value: T | None = None
        self._etag: str | None = None
        self._version = 0
        self._confirmed: float | None = None
        self._valid_at: float | None = None  # when the value is last known to have been current
        self._failure_log = FailureLog(url, alert_after)
        self._server_waits = False
        self._fetches = self._changes = self._unchanged = self._failures = self._waits = 0
        self._init_process()
        _followers.add(self)

    def _init_process(self) -> None:
        """Set up what a forked process does not inherit: threads, locks and sockets; the value stays."""
        self._changed = Condition()
        self._session = self._new_session()
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._thread: Thread | None = None
        # Holds no reference to the follower and takes no lock: the garbage collector may run it at any point.
        self._finalizer = finalize(self, _end, self._session, self._ended)
        self._finalizer.atexit = False
        # `value` as a plain attribute, which each request reads twice; None also while no thread follows here.
        self.current: T | None = None
        self._closed = False
        self._attempted = False
        self._on_demand = OnDemandRefresh(partial(_refresh, ref(self)), self._changed, self._clock)

    @property
    def value(self) -> T | None:
        """The last good value, without waiting; None if there is none yet."""
        if self._thread is None:
            self._start()
        return self._value

    @property
    def age(self) -> float | None:
        """Seconds since the server last confirmed the value; None if it never did."""
        confirmed = self._confirmed
        return None if confirmed is None else max(0.0, self._clock() - confirmed)

    @property
    def last_error(self) -> str | None:
        """Why the last attempt failed; None if it did not."""
        return self._failure_log.last_error

    @property
    def stats(self) -> DocumentStats:
        """The counters and the state of this follower."""
        return DocumentStats(
            self.name,
            self.age,
            self._changes,
            self._fetches,
            self._unchanged,
            self._failures,
            self._waits,
            self._failure_log.last_error,
        )

    def wait_ready(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for the first attempt to end; return whether there is a value."""
        with self._changed:
            self._changed.wait_for(lambda: self.value is not None or self._attempted, timeout)
            return self._value is not None

    def refresh_soon(self, wait: float = 0.0, *, every: float = REFRESH_INTERVAL_SECONDS) -> None:
        """Refresh on demand, at most once in `every` seconds for all threads; at most two threads wait `wait` seconds."""
        with self._changed:
            if not self._closed and self._on_demand.start(every):
                self._on_demand.wait(wait)

    def confirmed(self, within: float) -> bool:
        """Return whether the server has confirmed the value in the last `within` seconds."""
        age = self.age
        return age is not None and age <= within and self._value is not None

    def wait_confirmed(self, within: float, wait: float) -> bool:
        """Return the same after waiting up to `wait` seconds for an on-demand refresh that is running.

        After a failure at most two threads wait; the others return at once.
        """
        with self._changed:
            if not self.confirmed(within):
                self._on_demand.wait(
                    wait, lambda: self.confirmed(within), limited=self._failure_log.failures > 0
                )
            return self.confirmed(within)

    def close(self) -> None:
        """Stop following; the last value stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._finalizer()
        self._session.close()

    def poll(self, *, wait: bool = True) -> float:
        """Fetch once; return the seconds to pause before the next fetch. Never raises."""
        attempt = self._next_attempt(wait=wait)
        return self._handle(attempt, attempt.run())

    def _next_attempt(self, *, wait: bool) -> _Attempt:
        with self._changed:
            recovering = self._failure_log.failures > 0
            # After a failure the fetch does not wait: the recovery should show now, not when a wait ends.
            fetch_now = partial(
                fetch,
                self._session,
                self.url,
                self._etag,
                wait=wait and not recovering,
                max_bytes=self._max_bytes,
                clock=self._clock,
            )
            return _Attempt(fetch_now, self._version, self._clock(), recovering)

    def _handle(self, attempt: _Attempt, result: Response | Exception) -> float:
        if isinstance(result, Exception):
            return self._failed(result, attempt.began)
        try:
            value = None if result.body is None else self._parse(result.body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the last good value stays
            return self._failed(error, attempt.began)
        with self._changed:
            self._fetches += 1
            if attempt.version != self._version:
                self._unchanged += 1
                return poll_interval.AFTER_HELD  # overtaken by a newer response
            pause = self._succeeded(result, value)
            return poll_interval.AFTER_HELD if attempt.recovering else pause

    def _start(self) -> None:
        with self._changed:
            if self._thread is None and not self._closed:
                run = (ref(self), self._session, self._ended)
                self._thread = Thread(target=_run, args=run, name="touchstone-follow", daemon=True)
                self._thread.start()
                self.current = self._value

    def _succeeded(self, response: Response, value: T | None) -> float:
        changed = response.body is not None and (self._value is None or value != self._value)
        self._server_waits = response.wait_applied or response.held or (changed and self._server_waits)
        if changed:
            self._set_value(value)
        if response.body is not None:
            self._etag = response.etag
            self._version += 1
        self._changes += changed
        self._unchanged += not changed
        self._waits += self._server_waits
        self._confirmed = self._valid_at = self._clock()
        self._failure_log.reset()
        self._attempted = True
        self._changed.notify_all()
        if self._snapshot is not None:
            self._snapshot.save(response.body)
        return poll_interval.after_response(
            response,
            changed=changed,
            may_wait=self._server_waits or (changed and self._version == 1),
            interval=self._interval(response),
            jitter=self._jitter(),
        )

    def _interval(self, response: Response) -> float:
        # max-age=0 forbids caches to respond for the server; it does not say how often to fetch.
        ttl = None if self._value is None else self._ttl(self._value)
        return response.max_age or ttl or self._default_interval

    def _failed(self, error: Exception, began: float) -> float:
        now = self._clock()
        with self._changed:
            self._fetches += 1
            self._failures += 1
            self._failure_log.add_failure(error, began, now)
            if self._valid_at is not None and now - self._valid_at > self._forget_after:
                self._set_value(None)
                self._etag = self._valid_at = None
        if not self._attempted:
            self._load_snapshot()
        with self._changed:
            self._attempted = True
            self._changed.notify_all()
            return poll_interval.after_failure(
                self._failure_log.failures, has_value=self._value is not None, jitter=self._jitter()
            )

    def _set_value(self, value: T | None) -> None:
        self._value = value
        self.current = None if self._thread is None else value

    def _load_snapshot(self) -> None:
        """Take the value from the snapshot, unless there is one already."""
        loaded = None if self._snapshot is None or self._value is not None else self._snapshot.load()
        if loaded is None:
            return
        body, age = loaded
        try:
            value = self._parse(body)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no snapshot then
            log.warning(
                "ignoring the snapshot of %s, which cannot be parsed: %s", self.url, type(error).__name__
            )
            return
        with self._changed:
            if self._value is None:
                self._set_value(value)
                self._valid_at = self._clock() - age


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A fetch and what was known before it. Holds no reference to the follower."""

    fetch: Callable[[], Response]
    version: int
    began: float
    recovering: bool

    def run(self) -> Response | Exception:
        """Return the response, or why there is none."""
        try:
            return self.fetch()
        except Exception as error:  # noqa: BLE001 - the follower decides what it means
            return error


def _run(follower: ref[Follower[Any]], session: requests.Session, ended: SimpleQueue[None]) -> None:
    """Follow until the follower is closed or gone; hold no reference to it during a fetch or a pause."""
    try:
        while (attempt := _next_attempt(follower)) is not None:
            pause = _handle(follower, attempt, attempt.run())
            with suppress(Empty):
                ended.get(timeout=pause)
                return
    finally:
        session.close()


def _refresh(follower: ref[Follower[Any]]) -> None:
    attempt = _next_attempt(follower, wait=False)
    if attempt is not None:
        _handle(follower, attempt, attempt.run())


def _next_attempt(follower: ref[Follower[Any]], *, wait: bool = True) -> _Attempt | None:
    held = follower()
    return None if held is None else held._next_attempt(wait=wait)  # noqa: SLF001 - the same module


def _handle(follower: ref[Follower[Any]], attempt: _Attempt, result: Response | Exception) -> float:
    held = follower()
    return 0.0 if held is None or held._closed else held._handle(attempt, result)  # noqa: SLF001 - the same module


def _end(session: requests.Session, ended: SimpleQueue[None]) -> None:
    ended.put(None)
    abort(session)


_followers: WeakSet[Follower[Any]] = WeakSet()


def _after_fork() -> None:
    for follower in list(_followers):
        follower._finalizer.detach()  # noqa: SLF001 - the same module; the connections are the parent's
        follower._init_process()  # noqa: SLF001 - the same module


os.register_at_fork(after_in_child=_after_fork)
