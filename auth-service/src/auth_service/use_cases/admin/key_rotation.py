"""Rotation by schedule: a new key when the newest has grown old, and expired ones removed, each with a line in the log."""

from dataclasses import dataclass

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.id_token import HintKey
from auth_service.domain.signing_keys import AgeingKeys, KeyState, KeyStore
from auth_service.domain.unit_of_work import Store, Transaction

SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class ScheduledKeyRotation:
    """Looks at the keys, and does what is due; `interval` and `session_life` are in seconds.

    Any number of processes may look at the same moment: the age is read again under the keys' own lock. As with every
    other change of keys the log is opened first and closed last, so what cannot be recorded is not begun.
    """

    store: Store
    keys: AgeingKeys
    interval: int
    now: Clock
    session_life: float

    def __call__(self) -> bool:
        """Do what is due; tells whether anything was. What a database or a vault that is away raises passes through."""
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
    """Keep the public half of every former key for `lifetime` seconds after it last signed.

    To be called before keys are removed. `lifetime` is how long a session can live: the person of an older ID token
    has no session of that time left.
    """
    for key in keys.former():
        tx.hint_keys.add(HintKey(key.kid, key.public_key, key.signed_until + lifetime))
