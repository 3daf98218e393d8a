"""TODO."""

from collections.abc import Iterable, Mapping
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
from auth_service.domain.sessions.session import EndReason, Session
from auth_service.domain.unit_of_work import Transaction

# Who wanted it, then the words for administrators and for people.
_ENDS: Mapping[str, tuple[str, str, str]] = {
    "logged_out": (USER, "log-out", "You logged out."),
    "logged_out_everywhere": (USER, "log-out of all sessions", "You logged out everywhere."),
    "revoked": (SYSTEM, "a client gave its token back", "The application logged you out."),
    "refresh_reused": (POLICY, "a refresh token was used twice", "Your session was ended to protect you."),
    "code_reused": (POLICY, "an authorization code was used twice", "Your session was ended to protect you."),
    "password_changed": (USER, "password change", "Your password was changed."),
    "password_reset": (USER, "password reset", "Your password was reset."),
    "account_disabled": (ADMIN, "the account was disabled", "Your account was disabled."),
    "client_disabled": (ADMIN, "the client was disabled", "The application was disabled."),
    "ended_by_owner": (USER, "ended by its owner", "You ended this session."),
    "ended_by_admin": (ADMIN, "ended by an administrator", "An administrator ended your session."),
}


_OTHER = (SYSTEM, "the session ended", "Your session was ended.")


@dataclass(frozen=True, slots=True)
class PasswordTold:
    """How a password came to be another one."""

    entity: str = USER
    admin: str = "password change"
    user: str = "Your password was changed."


CHANGED = PasswordTold()


RESET = PasswordTold(admin="password reset by a mailed link", user="Your password was reset.")


def sessions_ended(
    tx: "Transaction", sessions: "Iterable[Session]", reason: "EndReason | str", at: float
) -> None:
    """Tell that sessions have ended (CAEP 1.0 section 3.1). For ``end_sessions`` alone."""
    entity, admin, user = _ENDS.get(str(reason), _OTHER)
    body = _body(entity, admin, user, at)
    tx.signals.record(*(Event(SESSION_REVOKED, one.sub, body, sid=one.sid) for one in sessions))


def password_changed(tx: "Transaction", sub: str, at: float, told: PasswordTold = CHANGED) -> None:
    """Tell that an account's password is another one now (CAEP 1.0 section 3.3)."""
    facts = {"credential_type": "password", "change_type": "update"}
    tx.signals.record(Event(CREDENTIAL_CHANGE, sub, facts | _body(told.entity, told.admin, told.user, at)))


def _body(entity: str, admin: str, user: str, at: float) -> dict[str, object]:
    return {
        "event_timestamp": int(at),
        "initiating_entity": entity,
        "reason_admin": {"en": admin},
        "reason_user": {"en": user},
    }
