"""Administration of signing keys; every change is recorded in the audit log."""

from dataclasses import dataclass

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.errors import UnknownSigningKey
from auth_service.domain.signing_keys import KeyStatus, KeyStore
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.admin.key_rotation import keep_hint_keys


@dataclass(frozen=True, slots=True)
class KeyAdmin:
    """Lists, rotates, withdraws and prunes signing keys.

    The transaction of the audit log is open around every change, so a change that cannot be recorded is not made. The
    public keys of pruned keys are stored for hints for `session_life` seconds, those of withdrawn keys are not.
    """

    store: Store
    keys: KeyStore
    session_life: float

    def statuses(self) -> list[KeyStatus]:
        """Return every key's state now, oldest first."""
        return self.keys.statuses()

    def rotate(self, by: str | None = None) -> str:
        """Add a key; return its id."""
        with self.store.transaction() as tx:
            kid = self.keys.rotate()
            tx.audit.record(AuditEvent(EventType.KEY_ROTATED, actor=by, detail={"kid": kid}))
            tx.announce()
        return kid

    def withdraw(self, kid: str, by: str | None = None) -> str | None:
        """Remove a key at once, and its stored public key; raise UnknownSigningKey. Return the id of a key made in its place."""
        with self.store.transaction() as tx:
            keep_hint_keys(tx, self.keys, self.session_life)  # withdrawing prunes expired keys too
            kept = tx.hint_keys.delete(kid)
            try:
                made = self.keys.withdraw(kid)
            except UnknownSigningKey:
                if not kept:
                    raise
                made = None
            facts = {"kid": kid} | ({"made": made} if made else {})
            tx.audit.record(AuditEvent(EventType.KEY_WITHDRAWN, actor=by, detail=facts))
            tx.announce()
        return made

    def prune(self, by: str | None = None) -> list[str]:
        """Remove the expired keys; return their ids."""
        with self.store.transaction() as tx:
            keep_hint_keys(tx, self.keys, self.session_life)
            gone = self.keys.prune()
            if gone:
                tx.audit.record(AuditEvent(EventType.KEYS_PRUNED, actor=by, detail={"kids": gone}))
                tx.announce()
        return gone
