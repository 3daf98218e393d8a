"""Scheduled key rotation; every change is recorded in the audit log."""

from dataclasses import dataclass

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.id_token import HintKey
from auth_service.domain.signing_keys import KeyState, KeyStore
from auth_service.domain.unit_of_work import Store, Transaction

SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class ScheduledKeyRotation:
    """Adds a key when the newest is `interval` seconds old, and removes expired keys.

    Any number of processes can do so at once: the age is read again under the keys' lock. The transaction of the audit
    log is open around every change, so a change that cannot be recorded is not made. `session_life` is in seconds.
    """

    store: Store
    keys: KeyStore
    interval: int
    now: Clock
    session_life: float

    def __call__(self) -> bool:
        """Make the changes that are due; return whether there were any. Errors of database and key storage pass through."""
        statuses = self.keys.statuses()
        old = not statuses or self.now() - statuses[-1].created_at >= self.interval
        expired = any(status.state is KeyState.EXPIRED for status in statuses)
        if not old and not expired:
            return False
        with self.store.transaction() as tx:
            made = self.keys.rotate_if_older(self.interval) if old else None
            if made is not None:
                tx.audit.record(AuditEvent(EventType.KEY_ROTATED, actor=SCHEDULE, detail={"kid": made}))
            keep_hint_keys(tx, self.keys, self.session_life)
            gone = self.keys.prune()
            if gone:
                tx.audit.record(AuditEvent(EventType.KEYS_PRUNED, actor=SCHEDULE, detail={"kids": gone}))
            tx.announce()
        return made is not None or bool(gone)


def keep_hint_keys(tx: Transaction, keys: KeyStore, lifetime: float) -> None:
    """Store the public key of every former key for `lifetime` seconds after it last signed.

    Call it before keys are removed. `lifetime` is the longest a session can live, so an older ID token names none.
    """
    for key in keys.former():
        tx.hint_keys.add(HintKey(key.kid, key.public_key, key.signed_until + lifetime))
