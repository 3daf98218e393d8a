"""Queries and responses for administrators; times in RFC 3339, UTC."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from service_kit.web.openapi import parameter
from service_kit.web.pagination import CURSOR, LIMIT
from service_kit.web.pagination import MAX_LENGTH as LONGEST_CURSOR

from auth_service.domain.sessions.session import Session

# Every id is printable ASCII; databases treat a NUL differently.
Identifier = Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]


def moment(at: float | None) -> datetime | None:
    """Return a Unix time as a datetime in UTC, in whole milliseconds."""
    if at is None:
        return None
    whole = datetime.fromtimestamp(at, UTC)
    return whole.replace(microsecond=whole.microsecond // 1000 * 1000)


Moment = Annotated[datetime | None, BeforeValidator(moment)]


class KeyPath(BaseModel):
    """The id of a signing key."""

    kid: Identifier = parameter("The id of a signing key.", "k-2026-04")


class SessionPath(BaseModel):
    """The id of a session."""

    sid: Identifier = parameter("The id of a session.", "s-6f1c2b7de0a94c58")


class AccountPath(BaseModel):
    """The subject of an account."""

    sub: Identifier = parameter("The subject of an account.", "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11")


class PageQuery(BaseModel):
    """The page to return: `cursor` is the `next_cursor` of the previous page."""

    cursor: Annotated[str, Field(max_length=LONGEST_CURSOR)] | None = parameter(CURSOR, default=None)
    limit: int = parameter(LIMIT, default=20, ge=1, le=100)


class SessionQuery(PageQuery):
    """The account whose sessions to return; all sessions without `sub`."""

    sub: Identifier | None = parameter("The account; without it, the sessions of all.", default=None)


class AuditPageQuery(PageQuery):
    """The event whose entries to return; all entries without `event`."""

    event: Annotated[str, Field(pattern=r"^[a-z_]{1,60}$")] | None = parameter(
        "The kind of entries; without it, all.", default=None
    )


class KeyView(BaseModel):
    """A signing key. Its state is next, current, retired or expired."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "kid": "k-2026-04",
                "state": "current",
                "created_at": "2026-04-01T12:00:00Z",
                "signs_from": "2026-04-01T12:00:00Z",
                "signs_until": None,
                "published_until": None,
            }
        },
        from_attributes=True,
    )

    kid: str
    state: str
    created_at: Moment
    signs_from: Moment
    signs_until: Moment
    published_until: Moment


class KeyList(BaseModel):
    """Every key, oldest first."""

    keys: list[KeyView]


class NewKey(BaseModel):
    """The id of the new key."""

    model_config = ConfigDict(json_schema_extra={"example": {"kid": "k-2026-05"}})

    kid: str


class SessionView(BaseModel):
    """An active session."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "sid": "s-6f1c2b7de0a94c58",
                "sub": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                "client_id": "console",
                "scope": "orders:read orders:write",
                "audiences": ["auth-service"],
                "methods": ["pwd"],
                "auth_time": "2026-04-01T12:00:00Z",
                "expires_at": "2026-04-01T12:00:00Z",
                "last_used_at": "2026-04-01T12:00:00Z",
                "address": "203.0.113.7",
                "user_agent": "Mozilla/5.0",
            }
        }
    )

    sid: str
    sub: str
    client_id: str
    scope: str
    audiences: list[str]
    methods: list[str]
    auth_time: Moment
    expires_at: Moment
    last_used_at: Moment
    address: str | None
    user_agent: str | None

    @classmethod
    def of(cls, session: Session) -> "SessionView":
        """Return the view of a session."""
        return cls(
            sid=session.sid,
            sub=session.sub,
            client_id=session.client_id,
            scope=" ".join(sorted(session.scopes)),
            audiences=list(session.audiences),
            methods=list(session.methods),
            auth_time=session.auth_time,
            expires_at=session.expires_at,
            last_used_at=session.last_used_at,
            address=session.address,
            user_agent=session.user_agent,
        )


class SessionPage(BaseModel):
    """Sessions in ascending order of `sid`; `next_cursor` is null on the last page."""

    items: list[SessionView]
    next_cursor: str | None


class AuditView(BaseModel):
    """An entry of the audit log."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 1,
                "at": "2026-04-01T12:00:00Z",
                "event": "login",
                "outcome": "success",
                "actor": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                "subject": "2f4d1a6e-6c1b-4f5e-9d38-0c7b8f1f2a11",
                "client_id": "console",
                "session_id": "s-6f1c2b7de0a94c58",
            }
        },
        from_attributes=True,
    )

    id: int
    at: Moment
    event: str
    outcome: str
    actor: str | None
    subject: str | None
    client_id: str | None
    session_id: str | None
    address: str | None
    request_id: str | None
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Entries, newest first; `next_cursor` is null on the last page."""

    items: list[AuditView]
    next_cursor: str | None
