"""The followed documents of one issuer: its keys, and the status lists that its tokens have named."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast
from weakref import proxy

import requests

from touchstone import arguments, status, tls
from touchstone.claims import AccessClaims
from touchstone.errors import StatusUnavailable, Unavailable, Unconfirmed, UnknownStatus
from touchstone.following.follower import DocumentStats, Follower
from touchstone.following.snapshot import Snapshot
from touchstone.following.transport import plain_session
from touchstone.keys import KeySet
from touchstone.status import StatusList

T = TypeVar("T")

MAX_JWKS_BYTES = 150_000
MAX_LIST_BYTES = 400_000  # a list of 2^20 random bits, which zlib cannot compress, takes 235,000
MAX_LISTS = 64
_LIST_INTERVAL_SECONDS = 20.0  # where neither the server nor the list names one
_CONFIRM_INTERVAL_SECONDS = 1.0  # between two on-demand refreshes for fresh routes
_NEW_KEY_WAIT_SECONDS = 0.5  # for the keys, when a list names an unknown one
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class IssuerDocuments:
    """The keys and status lists of the issuer at `url`, each followed in the background from its first use on.

    They are fetched under `backchannel`, if given: the keys at `jwks_path`, the lists at `status_path` + a number, and
    nothing else. `fresh_within`, `stale_within` and `alert_after` are in seconds: how old a confirmation may be on a fresh
    route, after how long an unconfirmed document is dropped, and when that is logged as an error. `snapshots` is a folder
    in which the last good documents outlive the process. `now` returns seconds since the epoch, `clock` seconds that
    never go back. `ca` selects the trusted certificates, as in `touchstone.tls.context`; all requests go through the HTTP
    proxy `proxy`, and never through one of the environment.

    The first use starts the background threads; `close`, or the end of the object, stops them. May be shared by any number
    of threads, also across a fork. Raises ValueError for an invalid argument.
    """

    def __init__(  # noqa: PLR0913 - each is a setting, by keyword
        self,
        url: str,
        *,
        backchannel: str | None = None,
        jwks_path: str = "/.well-known/jwks.json",
        status_path: str = "/status-lists/",
        fresh_within: float = 30.0,
        stale_within: float = 43_200.0,
        alert_after: float = 60.0,
        snapshots: str | Path | None = None,
        leeway: float = 30,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        ca: tls.CA = None,
        proxy: str | None = None,
        session: Callable[[], requests.Session] | None = None,
    ) -> None:
        self.url = url
        self.fresh_within = fresh_within
        self._public = arguments.url("url", url).rstrip("/")
        self._base = self._public
        if backchannel is not None:
            self._base = arguments.url("backchannel", backchannel).rstrip("/")
        self._status_path = arguments.path("status_path", status_path)
        arguments.path("jwks_path", jwks_path)
        for name, seconds in (
            ("fresh_within", fresh_within),
            ("stale_within", stale_within),
            ("alert_after", alert_after),
        ):
            arguments.seconds(name, seconds)
        arguments.leeway(leeway)
        arguments.function("now", now)
        arguments.function("clock", clock)
        self._leeway = leeway
        self._now = now
        self._snapshots = None if snapshots is None else arguments.folder("snapshots", snapshots)
        self._stale_within = stale_within
        if ca is not None:
            tls.context(ca)  # raises ValueError now if it cannot be read
        if proxy is not None:
            arguments.url("proxy", proxy, credentials=True)
        self._make = partial(
            Follower,
            forget_after=stale_within,
            alert_after=alert_after,
            clock=clock,
            session=session or partial(plain_session, ca=ca, proxy=proxy),
        )
        self._lists: dict[str, Follower[StatusList]] = {}
        self._closed = False
        self._keys: Follower[KeySet] = self._follow("jwks", jwks_path, _usable_keys, MAX_JWKS_BYTES)

    def keys(self) -> KeySet:
        """Return the keys without waiting; raise Unavailable if there are none yet."""
        keys = self._keys.current
        if keys is None:
            keys = self._keys.value
            if keys is None:
                raise Unavailable
        return keys

    def status_list(self, uri: str) -> StatusList:
        """Return the list without waiting, and follow it from now on.

        Raise UnknownStatus if the URI is none of the issuer's lists, StatusUnavailable if the list is not there yet.
        """
        try:
            listed = self._lists[uri].current
        except KeyError:
            listed = None
        if listed is None:
            listed = self._follower(uri).value
            if listed is None:
                raise StatusUnavailable(uri)
        return listed

    def wait_first(self, uri: str | None, seconds: float) -> None:
        """Wait at most `seconds` for the first attempt to get that list (None: the keys) to end."""
        (self._keys if uri is None else self._follower(uri)).wait_ready(seconds)

    def refresh_keys(self, seconds: float) -> None:
        """Refresh the keys on demand, at most once in 10 s, and wait up to `seconds` for them."""
        self._keys.refresh_soon(seconds)

    def confirmed(self, claims: AccessClaims) -> bool:
        """Return whether the keys and the list of these claims were confirmed within `fresh_within`."""
        return all(follower.confirmed(self.fresh_within) for follower in self._needed_for(claims))

    def confirm(self, claims: AccessClaims, seconds: float) -> None:
        """Have the keys and the list confirmed, waiting up to `seconds`; raise Unconfirmed if that fails.

        All threads share a fetch. The documents may have changed: verify the token again.
        """
        deadline = time.monotonic() + seconds
        old = [one for one in self._needed_for(claims) if not one.confirmed(self.fresh_within)]
        for follower in old:
            follower.refresh_soon(every=_CONFIRM_INTERVAL_SECONDS)
        for follower in old:
            if not follower.wait_confirmed(self.fresh_within, deadline - time.monotonic()):
                raise Unconfirmed

    def ready(self) -> bool:
        """Return, without waiting, whether tokens can be verified."""
        return self._keys.value is not None

    def health(self) -> dict[str, object]:
        """Return the number of keys, the seconds since they were confirmed and the last failure or None."""
        keys = self._keys.value
        return {
            "keys": 0 if keys is None else len(keys),
            "age": self._keys.age,
            "last_error": self._keys.last_error,
        }

    def stats(self) -> list[DocumentStats]:
        """Return the state of each document: the keys, then the lists in the order of their first use."""
        return [self._keys.stats, *(follower.stats for follower in list(self._lists.values()))]

    def close(self) -> None:
        """Stop the background threads; the last documents stay."""
        self._closed = True
        self._keys.close()
        for follower in list(self._lists.values()):
            follower.close()

    def _needed_for(self, claims: AccessClaims) -> list[Follower[KeySet] | Follower[StatusList]]:
        if claims.status is None:
            return [self._keys]
        uri = claims.status.uri
        return [self._keys, self._follower(uri)]

    def _follower(self, uri: str) -> Follower[StatusList]:
        return self._lists.get(uri) or self._follow_list(uri)

    def _follow_list(self, uri: str) -> Follower[StatusList]:
        prefix = self._public + self._status_path
        number = uri.removeprefix(prefix)
        if not uri.startswith(prefix) or not _NUMBER.fullmatch(number):
            raise UnknownStatus
        path = self._status_path + number
        new = self._follow(
            path.strip("/"),
            path,
            # A weak reference: without a cycle, dropping the object ends its threads before any garbage collection.
            partial(IssuerDocuments._read_list, proxy(self), uri),
            MAX_LIST_BYTES,
            ttl=lambda listed: listed.ttl,
            default_interval=_LIST_INTERVAL_SECONDS,
        )
        # Without a lock, which a fork could leave locked; the follower that loses the race was never started.
        follower = self._lists.setdefault(uri, new)
        while len(self._lists) > MAX_LISTS:
            with suppress(KeyError):  # another thread was quicker
                self._lists.pop(next(iter(list(self._lists)))).close()
        if self._closed:
            follower.close()
        return follower

    def _follow(
        self, name: str, path: str, parse: Callable[[bytes], T], max_bytes: int, **options: Any
    ) -> Follower[T]:
        snapshot = None
        if self._snapshots is not None:
            file = f"{sha256(self.url.encode()).hexdigest()[:12]}-{name.replace('/', '-')}"
            snapshot = Snapshot(
                self._snapshots / file, max_bytes=max_bytes, max_age=self._stale_within, now=self._now
            )
        url = self._base + path
        return cast(
            "Follower[T]",
            self._make(url, parse, name=name, max_bytes=max_bytes, snapshot=snapshot, **options),
        )

    def _read_list(self, uri: str, token: bytes) -> StatusList:
        read = partial(status.read, token, uri=uri, issuer=self.url, now=self._now(), leeway=self._leeway)
        try:
            listed = read(self.keys())
        except status.UnknownSignerError:
            self.refresh_keys(_NEW_KEY_WAIT_SECONDS)
            listed = read(self.keys())
        follower = self._lists.get(uri)
        current = None if follower is None else follower.value
        # A replayed list would make revoked tokens valid; the same contents, signed earlier elsewhere, do no harm.
        if (
            current is not None
            and listed.issued_at < current.issued_at - self._leeway
            and (listed.bits, listed.data) != (current.bits, current.data)
        ):
            raise ValueError("older than the current list")
        return listed


def _usable_keys(document: bytes) -> KeySet:
    keys = KeySet.from_jwks(document)
    if not len(keys):
        raise ValueError("the JWK Set has no usable key")
    return keys
