"""Logging in with address and password."""

from dataclasses import dataclass

from auth_service.domain.accounts import Account, normalise_email
from auth_service.domain.clients import Client, Clients
from auth_service.domain.errors import BadCredentials, InvalidClient, InvalidEmail
from auth_service.domain.grants import grant_for_account
from auth_service.domain.issuing import Issuing, TokenAnswer
from auth_service.domain.passwords import PasswordHasher
from auth_service.domain.store import Store

_REFUSED = "address and password do not open an account"


@dataclass(frozen=True, slots=True)
class LogIn:
    """First-party log-in: a session and its first tokens for an address and a password."""

    store: Store
    clients: Clients
    hasher: PasswordHasher
    issuing: Issuing

    def __call__(
        self,
        email: str,
        password: str,
        client_id: str,
        scopes: frozenset[str] | None,
        audiences: tuple[str, ...],
    ) -> TokenAnswer:
        """Open a session; raises BadCredentials, InvalidClient, InvalidScope, InvalidTarget or TooBusy.

        An unknown address, a wrong password and a disabled account answer alike and cost one hash each.
        """
        client = self._client(client_id)
        account, new_hash = self._proven(email, password)
        grant = grant_for_account(account, client, scopes, audiences)
        with self.store.transaction() as tx:
            latest = tx.accounts.locked(account.sub)
            if latest is None or latest.disabled or latest.password_hash != account.password_hash:
                raise BadCredentials(_REFUSED)  # changed while we were hashing
            if new_hash is not None:
                tx.accounts.set_password_hash(account.sub, new_hash)
            opened = self.issuing.open_session(tx, latest, client, grant, methods=("pwd",))
        return self.issuing.for_session(opened.session, latest, grant, opened.refresh_token)

    def _client(self, client_id: str) -> Client:
        client = self.clients.get(client_id)
        if client is None or not client.enabled or not client.first_party or client.confidential:
            raise InvalidClient("this client may not log anybody in by password")
        return client

    def _proven(self, email: str, password: str) -> tuple[Account, str | None]:
        account = self._find(email)
        verdict = self.hasher.verify(account.password_hash if account else None, password)
        if account is None or not verdict.fits or account.disabled:
            raise BadCredentials(_REFUSED)
        return account, self.hasher.hash(password) if verdict.outdated else None

    def _find(self, email: str) -> Account | None:
        try:
            address = normalise_email(email)
        except InvalidEmail:
            address = ""
        with self.store.reading() as tx:
            return tx.accounts.by_email(address)
