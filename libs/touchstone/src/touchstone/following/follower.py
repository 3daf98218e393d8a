"""Owns one document kept fresh over HTTP, off the request path."""

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
from touchstone.following import poll_interval as pacing
from touchstone.following.failure_log import Trouble
from touchstone.following.fetch import Answer, ask
from touchstone.following.on_demand import OutOfTurn
from touchstone.following.snapshot import Snapshot
from touchstone.following.transport import abort, plain_session

T = TypeVar("T")
log = logging.getLogger("touchstone")

EARLY_EVERY = 10.0  # seconds between two fetches out of turn


@dataclass(frozen=True, slots=True)
class DocumentStats:
    """How it stands with one document in this process.

    `age` is in seconds since the server last confirmed it, None if it never did. Of the `fetches` that have ended
    `unchanged` brought nothing new and `failures` nothing at all; the server held `waits` of them.
    """

    name: str
    age: float | None
    version: int  # changes seen
    fetches: int
    unchanged: int
    failures: int
    waits: int
    last_error: str | None


class Follower(Generic[T]):
    """Follows the document at `url`: `value` is the last good one, as `parse` made it, or None so far.

    A daemon thread asks with `If-None-Match` and `Prefer: wait=25`: a server that can wait answers when the
    document changes; of one that cannot, `max-age` (or `default_interval`, seconds) is the polling interval. An
    answer that fails, redirects, is larger than `max_bytes`, or that `parse` refuses (ValueError) changes
    nothing and is asked for again, sooner at first and then every few seconds. Where the first attempt fails, the
    `snapshot` of an earlier process serves. A value that was not confirmed for `forget_after` seconds is forgotten; one
    that was not for `alert_after` is logged as an error, once. The thread starts at first use in the process that
    uses it, also after a fork; it ends with `close`, and with the follower. Any number of threads may share a follower.
    Raises ValueError for an argument that cannot work.
    """

    def __init__(  # noqa: PLR0913 - what tests need to hand in, by keyword
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
        self._good: float | None = None  # when the value was good for the last time, as far as we know
        self._trouble = Trouble(url, alert_after)
        self._waits = False
        self._fetches = self._changes = self._unchanged = self._failures = self._waited = 0
        self._begin()
        _followers.add(self)

    def _begin(self) -> None:
        """Start over in a new process, which has inherited neither thread nor sockets; the value stays good."""
        self._changed = Condition()
        self._session = self._new_session()
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._thread: Thread | None = None
        # It holds no reference to the follower and takes no lock: the garbage collector may run it at any point.
        self._finalizer = finalize(self, _end, self._session, self._ended)
        self._finalizer.atexit = False
        # `value` as a plain attribute, for it is read twice in each request; None also while nobody follows here.
        self.current: T | None = None
        self._closed = False
        self._tried = False
        self._early = OutOfTurn(partial(_ask_once, ref(self)), self._changed, self._clock)

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
        return self._trouble.last_error

    @property
    def stats(self) -> DocumentStats:
        """How it stands, at once."""
        return DocumentStats(
            self.name,
            self.age,
            self._changes,
            self._fetches,
            self._unchanged,
            self._failures,
            self._waited,
            self._trouble.last_error,
        )

    def wait_ready(self, timeout: float) -> bool:
        """Wait for the first attempt to end, at most `timeout` seconds; tell whether there is a value."""
        with self._changed:
            self._changed.wait_for(lambda: self.value is not None or self._tried, timeout)
            return self._value is not None

    def refresh_soon(self, wait: float = 0.0, *, every: float = EARLY_EVERY) -> None:
        """Ask out of turn, at most once in `every` seconds for all threads, and let few stay `wait` seconds for it."""
        with self._changed:
            if not self._closed and self._early.start(every):
                self._early.wait(wait)

    def confirmed(self, within: float) -> bool:
        """Tell, at once, whether the server has confirmed the value in the last `within` seconds."""
        age = self.age
        return age is not None and age <= within and self._value is not None

    def wait_confirmed(self, within: float, wait: float) -> bool:
        """Likewise, but stay up to `wait` seconds for a fetch out of turn that is under way.

        All may stay while there is no trouble: then the answer takes a moment. Few may while there is some.
        """
        with self._changed:
            if not self.confirmed(within):
                self._early.wait(wait, lambda: self.confirmed(within), crowd=not self._trouble.failures)
            return self.confirmed(within)

    def close(self) -> None:
        """Stop following. The last value stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._finalizer()
        self._session.close()

    def poll(self, *, wait: bool = True) -> float:
        """Ask once; return the seconds to pause before asking again. Never raises."""
        question = self._question(wait=wait)
        return self._learn(question, question.ask())

    def _question(self, *, wait: bool) -> _Question:
        with self._changed:
            recovering = self._trouble.failures > 0
            # After a failure the server is not asked to wait: its recovery should be known now, not when a wait ends.
            ask_now = partial(
                ask,
                self._session,
                self.url,
                self._etag,
                wait=wait and not recovering,
                max_bytes=self._max_bytes,
                clock=self._clock,
            )
            return _Question(ask_now, self._version, self._clock(), recovering)

    def _learn(self, question: _Question, answer: Answer | Exception) -> float:
        if isinstance(answer, Exception):
            return self._failed(answer, question.began)
        try:
            value = None if answer.body is None else self._parse(answer.body)
        except Exception as error:  # noqa: BLE001 - whatever it was, the last good value goes on serving
            return self._failed(error, question.began)
        with self._changed:
            self._fetches += 1
            if question.version != self._version:
                self._unchanged += 1
                return pacing.AT_ONCE  # overtaken by a newer answer
            pause = self._succeeded(answer, value)
            return pacing.AT_ONCE if question.recovering else pause

    def _start(self) -> None:
        with self._changed:
            if self._thread is None and not self._closed:
                run = (ref(self), self._session, self._ended)
                self._thread = Thread(target=_run, args=run, name="touchstone-follow", daemon=True)
                self._thread.start()
                self.current = self._value

    def _succeeded(self, answer: Answer, value: T | None) -> float:
        changed = answer.body is not None and (self._value is None or value != self._value)
        self._waits = answer.applied or answer.held or (changed and self._waits)
        if changed:
            self._hold(value)
        if answer.body is not None:
            self._etag = answer.etag
            self._version += 1
        self._changes += changed
        self._unchanged += not changed
        self._waited += self._waits
        self._confirmed = self._good = self._clock()
        self._trouble.end()
        self._tried = True
        self._changed.notify_all()
        if self._snapshot is not None:
            self._snapshot.keep(answer.body)
        return pacing.after_answer(
            answer,
            changed=changed,
            eager=self._waits or (changed and self._version == 1),
            interval=self._interval(answer),
            jitter=self._jitter(),
        )

    def _interval(self, answer: Answer) -> float:
        # An age of 0 forbids caches to answer for the server; it does not say how often to ask.
        ttl = None if self._value is None else self._ttl(self._value)
        return answer.max_age or ttl or self._default_interval

    def _failed(self, error: Exception, began: float) -> float:
        now = self._clock()
        with self._changed:
            self._fetches += 1
            self._failures += 1
            self._trouble.add(error, began, now)
            if self._good is not None and now - self._good > self._forget_after:
                self._hold(None)
                self._etag = self._good = None
        if not self._tried:
            self._load()
        with self._changed:
            self._tried = True
            self._changed.notify_all()
            return pacing.after_failure(
                self._trouble.failures, served=self._value is not None, jitter=self._jitter()
            )

    def _hold(self, value: T | None) -> None:
        self._value = value
        self.current = None if self._thread is None else value

    def _load(self) -> None:
        """Take the value of the snapshot, unless there is one already."""
        loaded = None if self._snapshot is None or self._value is not None else self._snapshot.load()
        if loaded is None:
            return
        body, age = loaded
        try:
            value = self._parse(body)
        except Exception as error:  # noqa: BLE001 - then there is none
            log.warning("the snapshot of %s is of no use: %s", self.url, type(error).__name__)
            return
        with self._changed:
            if self._value is None:
                self._hold(value)
                self._good = self._clock() - age


@dataclass(frozen=True, slots=True)
class _Question:
    """A request to the server, and what was known when it was made. Holds no reference to the follower."""

    ask_now: Callable[[], Answer]
    version: int
    began: float
    recovering: bool

    def ask(self) -> Answer | Exception:
        """Return the answer, or why there is none."""
        try:
            return self.ask_now()
        except Exception as error:  # noqa: BLE001 - the follower decides what it means
            return error


def _run(follower: ref[Follower[Any]], session: requests.Session, ended: SimpleQueue[None]) -> None:
    """Follow until the follower is closed or gone; it is not held while the server or the pause is waited for."""
    try:
        while (question := _next(follower)) is not None:
            pause = _learned(follower, question, question.ask())
            with suppress(Empty):
                ended.get(timeout=pause)
                return
    finally:
        session.close()


def _ask_once(follower: ref[Follower[Any]]) -> None:
    question = _next(follower, wait=False)
    if question is not None:
        _learned(follower, question, question.ask())


def _next(follower: ref[Follower[Any]], *, wait: bool = True) -> _Question | None:
    held = follower()
    return None if held is None else held._question(wait=wait)  # noqa: SLF001 - the same module


def _learned(follower: ref[Follower[Any]], question: _Question, answer: Answer | Exception) -> float:
    held = follower()
    return 0.0 if held is None or held._closed else held._learn(question, answer)  # noqa: SLF001 - the same module


def _end(session: requests.Session, ended: SimpleQueue[None]) -> None:
    ended.put(None)
    abort(session)


_followers: WeakSet[Follower[Any]] = WeakSet()


def _after_fork() -> None:
    for follower in list(_followers):
        follower._finalizer.detach()  # noqa: SLF001 - the same module; the connections are the parent's
        follower._begin()  # noqa: SLF001 - the same module


os.register_at_fork(after_in_child=_after_fork)
