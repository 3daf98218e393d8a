"""The audit log: who did what, from where, with which outcome. Entries are never changed and hold no secret."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

OK = "ok"
REFUSED = "refused"


class EventType(StrEnum):
    """The types of events, as recorded."""

    LOGGED_IN = "logged_in"
    SESSION_OPENED = "session_opened"
    SESSION_ENDED = "session_ended"
    REFRESH_REUSED = "refresh_reused"
    CODE_REUSED = "code_reused"
    TOKEN_EXCHANGED = "token_exchanged"  # noqa: S105 - an event, no secret
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - an event, no secret
    PASSWORD_RESET = "password_reset"  # noqa: S105 - an event, no secret
    EMAIL_VERIFIED = "email_verified"
    ACCOUNT_MADE = "account_made"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ACCOUNT_ROLES_SET = "account_roles_set"
    CLIENT_REGISTERED = "client_registered"
    CLIENT_CHANGED = "client_changed"
    CLIENT_DISABLED = "client_disabled"
    CLIENT_ENABLED = "client_enabled"
    CLIENT_TOKENS_ENDED = "client_tokens_ended"
    CLIENT_SECRET_ROTATED = "client_secret_rotated"  # noqa: S105 - an event, no secret
    AUDIENCE_ADDED = "audience_added"
    AUDIENCE_REMOVED = "audience_removed"
    ROLE_ADDED = "role_added"
    ROLE_SCOPES_SET = "role_scopes_set"
    ROLE_REMOVED = "role_removed"
    CONSENT_GIVEN = "consent_given"
    DEVICE_DECIDED = "device_decided"
    KEY_ROTATED = "key_rotated"
    KEY_WITHDRAWN = "key_withdrawn"
    KEYS_PRUNED = "keys_pruned"
    ADMIN_REFUSED = "admin_refused"
    STREAM_CREATED = "stream_created"
    STREAM_CHANGED = "stream_changed"
    STREAM_REMOVED = "stream_removed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event. `actor` is the subject, client or operator that caused it, if known.

    `detail` must hold neither secrets nor email addresses.
    """

    event: str
    outcome: str = OK
    actor: str | None = None
    subject: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry(AuditEvent):
    """An event in the log: `id` only grows, `at` is Unix seconds, `address` and `request_id` are of its origin."""

    id: int
    at: float
    address: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A filter: entries before an id, from a Unix time on, of one type."""

    before: int | None = None
    since: float | None = None
    event: str | None = None


class AuditLog(Protocol):
    """Repository of audit entries, which can be neither changed nor removed."""

    def record(self, *events: AuditEvent) -> None:
        """Add events with the time and the current origin, in this transaction."""

    def list_newest(self, query: AuditQuery, limit: int) -> list[AuditEntry]:
        """Return the matching entries, newest first, at most `limit`."""


def email_digest(email: str) -> str:
    """Return a short digest of an email address, by which attempts with the same one can be recognised."""
    return hashlib.sha256(email.strip().lower().encode(errors="surrogatepass")).hexdigest()[:16]
