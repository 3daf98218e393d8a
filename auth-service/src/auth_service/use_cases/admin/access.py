"""Access of administrators, checked against the database."""

from dataclasses import dataclass

from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.errors import MissingScope
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.audit_log import record_event
from auth_service.use_cases.sessions.active_session import active_account

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """Checks that an administrator still is one: a token states only what was so when it was issued."""

    store: Store
    now: Clock

    def __call__(self, sub: str, sid: str | None) -> None:
        """Raise SessionOver or MissingScope unless the session lives and its account has the scope now."""
        with self.store.reading() as tx:
            _, account = active_account(tx, sub, sid, self.now())
            scopes = tx.registry.get().scopes_of(account.roles)
        if ADMIN not in scopes or account.email_verified_at is None:
            record_event(
                self.store,
                AuditEvent(EventType.ADMIN_REFUSED, REFUSED, actor=sub, subject=sub, session_id=sid),
            )
            raise MissingScope(ADMIN)
