"""Log-in with address and password."""

from dataclasses import dataclass, field

from auth_service.domain.accounts.account import Account, normalised_or_empty
from auth_service.domain.accounts.errors import BadCredentials
from auth_service.domain.accounts.password import PasswordHasher
from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType, email_digest
from auth_service.domain.oauth.client import Client, Clients
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.oauth.scopes import Grant, grant_for_account
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.accounts.login_throttle import LoginAttempt, LoginThrottle
from auth_service.use_cases.oauth.token_issuer import TokenIssuer, TokenResponse

_REFUSED = "the email address or the password is wrong"


@dataclass(frozen=True, slots=True)
class Proof:
    """An account whose password was just verified, and its new hash if the old one is outdated."""

    account: Account
    new_hash: str | None = field(default=None, repr=False)
    attempt: LoginAttempt = LoginAttempt()  # noqa: RUF009 - frozen, so sharing it is safe


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Checks address and password, for first-party clients and for the log-in page."""

    store: Store
    hasher: PasswordHasher
    throttle: LoginThrottle | None = None

    def __call__(self, email: str, password: str) -> Proof:
        """Return the verified account; raise BadCredentials, TooBusy or SlowedDown.

        BadCredentials has the same text for every reason, and costs one hash.
        """
        with self.store.reading() as tx:
            attempt = self.throttle.admit(tx, email) if self.throttle else LoginAttempt()
            account = tx.accounts.find_by_email(normalised_or_empty(email))
        verdict = self.hasher.verify(account.password_hash if account else None, password)
        if account is None or not verdict.fits or account.disabled:
            with self.store.transaction() as tx:
                tx.audit.record(_refusal(account, email))
                if self.throttle:
                    self.throttle.failed(tx, attempt)
            raise BadCredentials(_REFUSED)
        return Proof(account, self.hasher.hash(password) if verdict.outdated else None, attempt)

    def confirm(self, tx: Transaction, proof: Proof) -> Account:
        """Return the account, locked; raise BadCredentials if it changed since the check."""
        latest = tx.accounts.get_for_update(proof.account.sub)
        if latest is None or latest.disabled or latest.password_hash != proof.account.password_hash:
            raise BadCredentials(_REFUSED)
        if proof.new_hash is not None:
            tx.accounts.set_password_hash(latest.sub, proof.new_hash)
        if self.throttle:
            self.throttle.succeeded(tx, proof.attempt)
        proven = {"methods": ["pwd"]}
        tx.audit.record(AuditEvent(EventType.LOGGED_IN, actor=latest.sub, subject=latest.sub, detail=proven))
        return latest


def _refusal(account: Account | None, email: str) -> AuditEvent:
    """Return the audit event of a refused log-in: the account if there is one, and a digest of the address."""
    return AuditEvent(
        EventType.LOGGED_IN,
        REFUSED,
        subject=account.sub if account else None,
        detail={"address_digest": email_digest(email)},
    )


@dataclass(frozen=True, slots=True)
class RequestedAccess:
    """What a first-party log-in requests: a client, and perhaps scopes and audiences."""

    client_id: str
    scopes: frozenset[str] | None = None
    audiences: tuple[str, ...] = ()

    def grant(self, tx: Transaction, account: Account, client: Client) -> Grant:
        """Return what the account gets; raise InvalidScope or InvalidTarget."""
        return grant_for_account(tx.registry.get(), account, client, self.scopes, self.audiences)

    def requested(self, grant: Grant) -> frozenset[str]:
        """Return the scopes that the session was asked for, none if it left scopes and audiences to the account."""
        return self.scopes or (grant.scopes if self.audiences else frozenset())


def get_first_party_client(clients: Clients, client_id: str) -> Client:
    """Return the client if it is public, enabled and first-party; raise InvalidClient."""
    client = clients.get(client_id)
    if client is None or not client.enabled or not client.first_party or client.confidential:
        raise InvalidClient("this client is not registered for direct log-in")
    return client


@dataclass(frozen=True, slots=True)
class Login:
    """Log-in through a first-party client: a session and its first tokens for an address and a password."""

    store: Store
    clients: Clients
    hasher: PasswordHasher
    token_issuer: TokenIssuer
    throttle: LoginThrottle | None = None

    def __call__(self, email: str, password: str, wanted: RequestedAccess) -> TokenResponse:
        """Open a session; raise BadCredentials, InvalidClient, InvalidScope, InvalidTarget, TooBusy or SlowedDown.

        An unknown address, a wrong password and a disabled account answer alike and cost one hash each.
        """
        client = get_first_party_client(self.clients, wanted.client_id)
        check = PasswordCheck(self.store, self.hasher, self.throttle)
        proof = check(email, password)
        with self.store.transaction() as tx:
            latest = check.confirm(tx, proof)
            grant = wanted.grant(tx, latest, client)
            opened = self.token_issuer.open_session(
                tx, latest, client, grant, methods=("pwd",), requested=wanted.requested(grant)
            )
        return self.token_issuer.issue_first(opened)
