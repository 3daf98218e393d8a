"""Changing the signing keys, with a line in the audit log for each change."""

from dataclasses import dataclass

from auth_service.domain.audit import AuditEvent, Event
from auth_service.domain.keys import KeyStatus, KeyStore
from auth_service.domain.store import Store


@dataclass(frozen=True, slots=True)
class KeyAdmin:
    """The signing keys, with a line in the log for every change.

    The log is opened first and closed last: a change that cannot be recorded is not begun.
    """

    store: Store
    keys: KeyStore

    def statuses(self) -> list[KeyStatus]:
        """Give every key's state now, oldest first."""
        return self.keys.statuses()

    def rotate(self, by: str | None = None) -> str:
        """Add a key; gives its id."""
        with self.store.transaction() as tx:
            kid = self.keys.rotate()
            tx.audit.record(AuditEvent(Event.KEY_ROTATED, actor=by, detail={"kid": kid}))
            tx.announce()
        return kid

    def withdraw(self, kid: str, by: str | None = None) -> str | None:
        """Take a key out at once; raises UnknownKey. Gives the id of a key that had to be made."""
        with self.store.transaction() as tx:
            made = self.keys.withdraw(kid)
            facts = {"kid": kid} | ({"made": made} if made else {})
            tx.audit.record(AuditEvent(Event.KEY_WITHDRAWN, actor=by, detail=facts))
            tx.announce()
        return made

    def prune(self, by: str | None = None) -> list[str]:
        """Remove the keys that no living token needs; gives their ids."""
        with self.store.transaction() as tx:
            gone = self.keys.prune()
            if gone:
                tx.audit.record(AuditEvent(Event.KEYS_PRUNED, actor=by, detail={"kids": gone}))
                tx.announce()
        return gone
