"""One-time tokens by mail: a bounded number for each address, without telling whether it has an account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auth_service.domain.accounts.account import Account, normalised_or_empty
from auth_service.domain.accounts.one_time_token import OneTimeToken
from auth_service.domain.clock import Clock
from auth_service.domain.email import Email, Outbox
from auth_service.domain.unit_of_work import Store, Transaction

Compose = Callable[[str, Account | None], tuple[Sequence[OneTimeToken], Email]]


def store_tokens(tx: Transaction, tokens: Sequence[OneTimeToken], limit: int, now: float) -> bool:
    """Store the tokens of one mail; return False, and store none, if the address has `limit` unexpired ones."""
    first = tokens[0]
    if tx.one_time_tokens.count_unexpired(first.purpose, first.email, now) >= limit:
        return False
    tx.one_time_tokens.add(*tokens)
    return True


@dataclass(frozen=True, slots=True)
class OneTimeMail:
    """Base of requests for a mail with a one-time token, which anybody may make for any address."""

    store: Store
    outbox: Outbox
    issuer: str
    now: Clock

    def send(self, email: str, limit: int, compose: Compose) -> None:
        """Store the tokens that `compose` returns and queue its mail; raise MailBusy.

        An unknown address, a disabled account and an address with `limit` unexpired mails get no mail, for the same
        work and without a sign of it. For the first two `compose` gets None as the account.
        """
        address = normalised_or_empty(email)
        with self.store.transaction() as tx:
            account = tx.accounts.find_by_email(address)
            if account is not None and account.disabled:
                account = None
            tokens, mail = compose(address, account)
            stored = store_tokens(tx, tokens, limit, self.now())
        self.outbox.post(mail if account is not None and stored else None)
