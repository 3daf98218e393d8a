"""Log-in at auth-service's own pages, by a cookie of which only the digest is stored."""

from dataclasses import dataclass, field

from auth_service.domain.accounts.account import Account
from auth_service.domain.clock import Clock
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.sessions.browser_session import BROWSER_SESSION_SECONDS, BrowserSession, BrowserUser
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.login import PasswordCheck


@dataclass(frozen=True, slots=True)
class NewBrowserSession:
    """A new browser session and its cookie."""

    user: BrowserUser
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthenticateBrowser:
    """Returns the user who is logged in at a browser."""

    store: Store
    now: Clock

    def __call__(self, cookie: str | None) -> BrowserUser | None:
        """Return the browser session and its account, or None if the cookie is missing, unknown, expired or revoked."""
        if cookie is None:
            return None
        with self.store.reading() as tx:
            session = tx.browser_sessions.find_by_digest(digest_of(cookie))
            account = None if session is None else tx.accounts.get(session.sub)
        if session is None or not session.is_active(self.now()) or account is None or account.disabled:
            return None
        return BrowserUser(session, account)


@dataclass(frozen=True, slots=True)
class BeginBrowserSession:
    """Logs a user in at auth-service's own pages, by the same password check as `Login`."""

    store: Store
    check: PasswordCheck
    now: Clock

    def __call__(self, email: str, password: str, old_cookie: str | None) -> NewBrowserSession:
        """Begin a browser session with a new cookie; raise BadCredentials, TooBusy or SlowedDown.

        The sessions that the same account opened through the replaced browser session move to this one.
        """
        proof = self.check(email, password)
        with self.store.transaction() as tx:
            account = self.check.confirm(tx, proof)
            return self.begin(tx, account, ("pwd",), old_cookie)

    def begin(
        self, tx: Transaction, account: Account, methods: tuple[str, ...], old_cookie: str | None
    ) -> NewBrowserSession:
        """Begin a browser session for an account that was just authenticated, and is locked."""
        now, cookie = self.now(), new_token()
        session = BrowserSession(
            digest=digest_of(cookie),
            sub=account.sub,
            methods=methods,
            auth_time=now,
            created_at=now,
            expires_at=now + BROWSER_SESSION_SECONDS,
        )
        tx.browser_sessions.add(session)
        old = None if old_cookie is None else tx.browser_sessions.find_by_digest(digest_of(old_cookie))
        if old is not None and tx.browser_sessions.mark_ended(old.digest, now) and old.sub == account.sub:
            tx.sessions.move_browser(old.digest, session.digest)
        return NewBrowserSession(BrowserUser(session, account), cookie)
