"""The end of sessions: the one place where sessions and clients' own tokens end."""

from collections.abc import Collection

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.sessions.session import EndReason, Session
from auth_service.domain.unit_of_work import Transaction


def end_sessions(
    tx: Transaction, sids: Collection[str], reason: EndReason, at: float, *, by: str | None = None
) -> list[str]:
    """End any number of sessions; return the ids of those that had not ended before.

    Nothing else ends a session. From the commit on none of their tokens can be refreshed or exchanged, their status bits
    are set, and the transaction's listeners have been called. It is idempotent. `by` is the actor, if known.
    """
    ended = tx.sessions.mark_ended(sids, reason, at)
    if ended:
        tx.statuses.revoke([session.status for session in ended if session.status is not None], at)
        tx.audit.record(*(_ended(session, reason, by) for session in ended))
        for listener in tx.listeners:
            listener.sessions_ended(ended, reason, at)
    return [session.sid for session in ended]


def end_session(tx: Transaction, sid: str, reason: EndReason, at: float, *, by: str | None = None) -> bool:
    """End one session; return False if it had ended before."""
    return bool(end_sessions(tx, [sid], reason, at, by=by))


def _ended(session: Session, reason: EndReason, by: str | None) -> AuditEvent:
    return AuditEvent(
        EventType.SESSION_ENDED,
        actor=by,
        subject=session.sub,
        client_id=session.client_id,
        session_id=session.sid,
        detail={"reason": str(reason)},
    )


def end_all_sessions(  # noqa: PLR0913 - the last two by name
    tx: Transaction,
    sub: str,
    reason: EndReason,
    at: float,
    *,
    but: str | None = None,
    by: str | None = None,
) -> list[str]:
    """End every active session of an account, except perhaps one; return their ids.

    Its browser sessions end too, or their cookies would open new sessions.
    """
    kept = tx.sessions.get(but) if but else None
    tx.browser_sessions.mark_all_ended(sub, at, but=kept.browser_session if kept else None)
    sids = [session.sid for session in tx.sessions.list_active(sub, at) if session.sid != but]
    return end_sessions(tx, sids, reason, at, by=by)


def end_sessions_of_old_password(
    tx: Transaction, sub: str, reason: EndReason, at: float, *, but: str | None = None
) -> list[str]:
    """End every active session of an account whose password has just changed, except perhaps one; return their ids."""
    for listener in tx.listeners:
        listener.password_changed(sub, reason, at)
    return end_all_sessions(tx, sub, reason, at, but=but, by=sub)


def end_client_tokens(
    tx: Transaction, client_id: str, reason: EndReason, at: float, *, by: str | None = None
) -> bool:
    """Revoke a client's own tokens (`client_credentials`); return False if there were none.

    Nothing else revokes them. The client's next token gets another status bit, so it is valid.
    """
    status = tx.statuses.remove_from_client(client_id)
    if status is None:
        return False
    tx.statuses.revoke([status], at)
    tx.audit.record(
        AuditEvent(
            EventType.CLIENT_TOKENS_ENDED, actor=by, client_id=client_id, detail={"reason": str(reason)}
        )
    )
    return True


def end_sessions_of_client(tx: Transaction, client_id: str, at: float, *, by: str | None = None) -> list[str]:
    """End every active session of a disabled client, and its own tokens; return the ids of the sessions."""
    end_client_tokens(tx, client_id, EndReason.CLIENT_DISABLED, at, by=by)
    sids = [session.sid for session in tx.sessions.list_active_of_client(client_id, at)]
    return end_sessions(tx, sids, EndReason.CLIENT_DISABLED, at, by=by)
