"""Password change of a user who is logged in."""

from dataclasses import dataclass

from auth_service.domain.accounts.errors import WrongPassword
from auth_service.domain.accounts.password import PasswordHasher, PasswordStrength, check_new_password
from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.audit_log import record_event
from auth_service.use_cases.sessions.active_session import active_account
from auth_service.use_cases.sessions.end_sessions import end_sessions_of_old_password


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """Replaces the password of the account behind an active session, and ends all its other sessions."""

    store: Store
    hasher: PasswordHasher
    now: Clock
    strength: PasswordStrength | None = None

    def __call__(self, sub: str, sid: str | None, current: str, new: str) -> None:
        """Replace the password; raise InvalidPassword, WrongPassword, SessionOver or TooBusy."""
        check_new_password(new)
        with self.store.reading() as tx:
            session, account = active_account(tx, sub, sid, self.now())
        check_new_password(new, self.strength, (account.email, account.name))
        if not self.hasher.verify(account.password_hash, current).fits:
            facts = AuditEvent(
                EventType.PASSWORD_CHANGED, REFUSED, actor=sub, subject=sub, session_id=session.sid
            )
            record_event(self.store, facts)
            raise WrongPassword("the current password is wrong")
        new_hash = self.hasher.hash(new)
        with self.store.transaction() as tx:
            latest = tx.accounts.get_for_update(sub)
            if latest is None or latest.password_hash != account.password_hash:
                raise WrongPassword("the password was changed by another request")
            tx.accounts.set_password_hash(sub, new_hash)
            tx.audit.record(
                AuditEvent(EventType.PASSWORD_CHANGED, actor=sub, subject=sub, session_id=session.sid)
            )
            end_sessions_of_old_password(tx, sub, EndReason.PASSWORD_CHANGED, self.now(), but=session.sid)
