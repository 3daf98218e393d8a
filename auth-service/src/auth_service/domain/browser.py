"""The mint's own browser sessions: who is logged in at its pages, known by a cookie of which only the digest is kept."""

from dataclasses import dataclass, field
from typing import Protocol

from auth_service.domain.accounts import Account
from auth_service.domain.login import PasswordCheck
from auth_service.domain.refresh_tokens import digest_of
from auth_service.domain.sessions import EndReason, end_session
from auth_service.domain.store import Store, Transaction
from auth_service.domain.times import Clock, new_token

BROWSER_LIFE = 12 * 3600.0  # seconds, absolute: using it does not make it longer


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Somebody logged in at the pages. Times are unix seconds; ``methods`` after RFC 8176."""

    digest: bytes
    sub: str
    methods: tuple[str, ...]
    auth_time: float
    created_at: float
    expires_at: float
    ended_at: float | None = None

    def live(self, now: float) -> bool:
        """Neither ended nor past its end."""
        return self.ended_at is None and now < self.expires_at


class BrowserSessions(Protocol):
    """Where browser sessions are kept."""

    def add(self, session: BrowserSession) -> None:
        """Keep a new one."""

    def get(self, digest: bytes) -> BrowserSession | None:
        """Find by the digest of its cookie, as it is now."""

    def mark_ended(self, digest: bytes, at: float) -> bool:
        """Record the end; False, and nothing changed, when it had ended before."""

    def end_all(self, sub: str, at: float, *, but: bytes | None = None) -> None:
        """Record the end of all of an account's, except perhaps one."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The live browser session that a cookie names, and whose it is."""

    session: BrowserSession
    account: Account


@dataclass(frozen=True, slots=True)
class Entered:
    """A browser session just begun, and the cookie that is the only way back to it."""

    signed_in: SignedIn
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WhoIsThere:
    """Says who is logged in at a browser."""

    store: Store
    now: Clock

    def __call__(self, cookie: str | None) -> SignedIn | None:
        """Give the session and its account; None for no cookie, one of none of ours, or one that stands no more."""
        if cookie is None:
            return None
        with self.store.reading() as tx:
            session = tx.browser_sessions.get(digest_of(cookie))
            account = None if session is None else tx.accounts.get(session.sub)
        if session is None or not session.live(self.now()) or account is None or account.disabled:
            return None
        return SignedIn(session, account)


@dataclass(frozen=True, slots=True)
class Enter:
    """Logs somebody in at the pages, by the same check that programs pass through."""

    store: Store
    check: PasswordCheck
    now: Clock

    def __call__(self, email: str, password: str, old_cookie: str | None) -> Entered:
        """Begin a browser session with a cookie of its own; raises BadCredentials or TooBusy.

        What the same person opened through the session that this one replaces counts as opened through this one.
        """
        proof = self.check(email, password)
        with self.store.transaction() as tx:
            account = self.check.confirm(tx, proof)
            return self.begin(tx, account, ("pwd",), old_cookie)

    def begin(
        self, tx: Transaction, account: Account, methods: tuple[str, ...], old_cookie: str | None
    ) -> Entered:
        """Begin a browser session for an account that has just proved itself, and is locked."""
        now, cookie = self.now(), new_token()
        session = BrowserSession(
            digest=digest_of(cookie),
            sub=account.sub,
            methods=methods,
            auth_time=now,
            created_at=now,
            expires_at=now + BROWSER_LIFE,
        )
        tx.browser_sessions.add(session)
        old = None if old_cookie is None else tx.browser_sessions.get(digest_of(old_cookie))
        if old is not None and tx.browser_sessions.mark_ended(old.digest, now) and old.sub == account.sub:
            tx.sessions.move_browser(old.digest, session.digest)
        return Entered(SignedIn(session, account), cookie)


@dataclass(frozen=True, slots=True)
class Leave:
    """Logs out of a browser: its session here, and every session that was opened through it."""

    store: Store
    now: Clock

    def __call__(self, sub: str, browser: bytes | None, sid: str | None = None) -> None:
        """End the browser session, what was opened through it, and perhaps one more session; only this person's own.

        Where no browser session is named, the one that ``sid`` was opened through is meant.
        """
        now = self.now()
        with self.store.transaction() as tx:
            tx.accounts.locked(sub)
            named = tx.sessions.get(sid) if sid else None
            if named is not None and named.sub == sub:
                end_session(tx, named.sid, EndReason.LOGGED_OUT, now, by=sub)
                browser = browser or named.browser_session
            session = tx.browser_sessions.get(browser) if browser else None
            if session is None or session.sub != sub:
                return
            tx.browser_sessions.mark_ended(session.digest, now)
            for opened in tx.sessions.living_of_browser(session.digest, now):
                end_session(tx, opened.sid, EndReason.LOGGED_OUT, now, by=sub)
