"""A workload on the database of auth-service: log-ins, ended sessions and reads, each at a steady rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import bulk_sessions
import jwt
from auth_service.adapters.registry_files import AllClients, FileClients, packaged_rows
from auth_service.domain.oauth.scopes import Grant
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.sessions.status_bits import Changes, ReadPosition
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.storage.security_events.unit_of_work import SqlSecurityEventTransaction
from auth_service.storage.unit_of_work import SqlStore
from auth_service.use_cases.oauth.token_issuer import Lifetimes, TokenIssuer
from auth_service.use_cases.security_events.emitter import SecurityEventEmitter
from auth_service.use_cases.sessions import end_sessions as sessions
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from service_kit.database import open_database

ISSUER = "https://auth.example"


class Signer:
    """Signs as auth-service does: RS256 with a key of 2048 bits."""

    def __init__(self) -> None:
        self._key = generate_private_key(65537, 2048)

    def current(self) -> str:
        """Return the id of the key."""
        return "bench"

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a compact JWT."""
        return jwt.encode(dict(claims), self._key, "RS256", {"typ": typ, "kid": self.current()})


GRANT = Grant(frozenset({"profile:read"}), ("users-service",))  # of what each log-in gets


@dataclass
class AuthService:
    """The parts of auth-service that write and read sessions."""

    store: SqlStore
    signer: Signer = field(default_factory=Signer)

    def __post_init__(self) -> None:
        self._issuing = TokenIssuer(ISSUER, Lifetimes(), self.signer, time.time)
        client = AllClients(FileClients(packaged_rows().clients), self.store).get("console")
        assert client
        self._client = client

    def log_in(self, number: int) -> None:
        """Write what a log-in writes after the password was verified."""
        with self.store.transaction() as tx:
            account = tx.accounts.get_for_update(f"person-{number % bulk_sessions.PEOPLE}")
            assert account
            self._issuing.open_session(tx, account, self._client, GRANT, methods=("pwd",))

    def lists(self) -> StatusLists:
        """Return the status lists of a process that has just started."""
        return StatusLists(ISSUER, self.changes, self.signer, ttl=20, now=time.time)

    def changes(self, since: ReadPosition | None) -> Changes:
        """Read the bits changed since a position."""
        with self.store.reading() as tx:
            return tx.statuses.changes_since(since)


@dataclass
class Times:
    """Durations in milliseconds, each with its start by the monotonic clock."""

    seen: list[tuple[float, float]] = field(default_factory=list)

    def measure(self, work: Callable[[], object]) -> None:
        """Call `work` and record its duration."""
        began = time.monotonic()
        work()
        self.seen.append((began, 1000 * (time.monotonic() - began)))

    def within(self, began: float, ended: float) -> list[float]:
        """Return the milliseconds of the calls that began in this time."""
        return [spent for at, spent in self.seen if began <= at <= ended]

    @property
    def all(self) -> list[float]:
        """Return the milliseconds of all calls."""
        return [spent for _, spent in self.seen]


class Paced:
    """Calls `work` `rate` times a second in its own thread, until the context ends."""

    def __init__(self, rate: float, work: Callable[[int], object]) -> None:
        self.times = Times()
        self._rate, self._work, self._over = rate, work, threading.Event()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Times:
        self._done = self._thread.submit(self._run)
        return self.times

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._done.result()
        self._thread.shutdown()

    def _run(self) -> None:
        begin, number = time.monotonic(), 0
        while not self._over.wait(max(0.0, begin + number / self._rate - time.monotonic())):
            self.times.measure(partial(self._work, number))
            number += 1


@dataclass(frozen=True)
class Ended:
    """The result of one process that ended sessions: when, in what CPU seconds, and the time of each transaction."""

    began: float
    ended: float
    cpu: float
    times: list[float]


def end_sessions(  # noqa: PLR0913, PLR0917 - it is sent to other processes
    url: str, numbers: Sequence[int], rate: float, threads: int, longest: float, together: int
) -> Ended:
    """End these sessions, `together` in a transaction and `rate` a second if the database can.

    After `longest` seconds the rest is left.
    """
    engine = open_database(url)
    store, lock, times = SqlStore(engine, registry=packaged_rows().registry), threading.Lock(), Times()
    store.add_listener(lambda tx: SecurityEventEmitter(SqlSecurityEventTransaction(tx)))
    firsts = iter(range(0, len(numbers), together))
    with store.reading() as tx:  # connect and import everything first
        tx.sessions.get("none")
    began, worked = time.monotonic(), time.process_time()

    def end(first: int) -> None:
        sids = [bulk_sessions.sid(number) for number in numbers[first : first + together]]
        with store.transaction() as tx:
            sessions.end_sessions(tx, sids, EndReason.LOGGED_OUT, time.time())

    def work() -> None:
        while True:
            with lock:
                first = next(firsts, None)
            if first is None or time.monotonic() - began > longest:
                return
            time.sleep(max(0.0, began + first / rate - time.monotonic()))
            times.measure(partial(end, first))

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()
    ended = time.monotonic()
    engine.dispose()
    return Ended(began, ended, time.process_time() - worked, times.all)
