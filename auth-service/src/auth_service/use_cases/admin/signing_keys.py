"""Changing the signing keys, with a line in the audit log for each change."""

from dataclasses import dataclass

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.errors import UnknownKey
from auth_service.domain.signing_keys import KeyStatus, KeyStore
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.admin.key_rotation import keep_hint_keys


@dataclass(frozen=True, slots=True)
class KeyAdmin:
    """The signing keys, with a line in the log for every change.

    The log is opened first and closed last: a change that cannot be recorded is not begun. Public halves of keys that
    are removed are kept for hints for `session_life` seconds, those of withdrawn keys are not.
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
        """Take a key out at once, its kept public half too; raise UnknownKey. Return the id of a key that had to be made."""
        with self.store.transaction() as tx:
            keep_hint_keys(tx, self.keys, self.session_life)  # expired keys go with it
            kept = tx.hint_keys.delete(kid)
            try:
                made = self.keys.withdraw(kid)
            except UnknownKey:
                if not kept:
                    raise
                made = None
            facts = {"kid": kid} | ({"made": made} if made else {})
            tx.audit.record(AuditEvent(EventType.KEY_WITHDRAWN, actor=by, detail=facts))
            tx.announce()
        return made

    def prune(self, by: str | None = None) -> list[str]:
        """Remove the keys that no living token needs; return their ids."""
        with self.store.transaction() as tx:
            keep_hint_keys(tx, self.keys, self.session_life)
            gone = self.keys.prune()
            if gone:
                tx.audit.record(AuditEvent(EventType.KEYS_PRUNED, actor=by, detail={"kids": gone}))
                tx.announce()
        return gone
