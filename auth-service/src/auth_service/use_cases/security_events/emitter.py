"""Security events of sessions and passwords (CAEP 1.0), queued in the transaction that causes them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from auth_service.domain.security_events.event import (
    ADMIN,
    CREDENTIAL_CHANGE,
    POLICY,
    SESSION_REVOKED,
    SYSTEM,
    USER,
    Event,
)
from auth_service.domain.security_events.unit_of_work import SecurityEventTransaction
from auth_service.domain.sessions.session import EndReason, Session

# The initiating entity, the text for administrators, the text for users.
_SESSION_ENDS: Mapping[str, tuple[str, str, str]] = {
    "logged_out": (USER, "log-out", "You logged out."),
    "logged_out_everywhere": (USER, "log-out of all sessions", "You logged out everywhere."),
    "revoked": (SYSTEM, "a client revoked its token", "The application logged you out."),
    "refresh_reused": (POLICY, "a refresh token was used twice", "Your session was ended to protect you."),
    "code_reused": (POLICY, "an authorization code was used twice", "Your session was ended to protect you."),
    "password_changed": (USER, "password change", "Your password was changed."),
    "password_reset": (USER, "password reset", "Your password was reset."),
    "account_disabled": (ADMIN, "the account was disabled", "Your account was disabled."),
    "client_disabled": (ADMIN, "the client was disabled", "The application was disabled."),
    "ended_by_owner": (USER, "ended by the user", "You ended this session."),
    "ended_by_admin": (ADMIN, "ended by an administrator", "An administrator ended your session."),
    "audience_removed": (ADMIN, "the audience was removed", "A service that you used was removed."),
    "role_removed": (ADMIN, "the role was removed", "Your permissions were changed."),
}
_OTHER = (SYSTEM, "the session ended", "Your session was ended.")
_RESET = (USER, "password reset by a mailed link", "Your password was reset.")


@dataclass(frozen=True, slots=True)
class SecurityEventEmitter:
    """The `SessionListener` that queues an event for each stream that requested its type."""

    tx: SecurityEventTransaction

    def sessions_ended(self, sessions: Collection[Session], reason: EndReason, at: float) -> None:
        """Queue `session-revoked` for each session (CAEP 1.0 section 3.1)."""
        body = _body(*_SESSION_ENDS.get(str(reason), _OTHER), at)
        self.tx.queued_events.add_to_streams(
            *(Event(SESSION_REVOKED, one.sub, body, sid=one.sid) for one in sessions)
        )

    def password_changed(self, sub: str, reason: EndReason, at: float) -> None:
        """Queue `credential-change` for the account (CAEP 1.0 section 3.3)."""
        why = _RESET if reason is EndReason.PASSWORD_RESET else _SESSION_ENDS[reason]
        facts = {"credential_type": "password", "change_type": "update"}
        self.tx.queued_events.add_to_streams(Event(CREDENTIAL_CHANGE, sub, facts | _body(*why, at)))


def _body(entity: str, admin: str, user: str, at: float) -> dict[str, object]:
    return {
        "event_timestamp": int(at),
        "initiating_entity": entity,
        "reason_admin": {"en": admin},
        "reason_user": {"en": user},
    }
