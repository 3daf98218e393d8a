"""Browser sessions in the database."""

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.sessions.browser_session import BrowserSession
from auth_service.storage.dialects import affected
from auth_service.storage.tables import BrowserSessionRow, record_of, values_of


class SqlBrowserSessions:
    """The domain's `BrowserSessions`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, session: BrowserSession) -> None:
        self._db.execute(insert(BrowserSessionRow).values(**values_of(session)))

    def find_by_digest(self, digest: bytes) -> BrowserSession | None:
        found = select(BrowserSessionRow).where(BrowserSessionRow.digest == digest)
        row = self._db.scalar(found)
        return None if row is None else record_of(BrowserSession, row)

    def mark_ended(self, digest: bytes, at: float) -> bool:
        unended = update(BrowserSessionRow).where(
            BrowserSessionRow.digest == digest, BrowserSessionRow.ended_at.is_(None)
        )
        return affected(self._db, unended.values(ended_at=at)) == 1

    def mark_all_ended(self, sub: str, at: float, *, but: bytes | None = None) -> None:
        unended = update(BrowserSessionRow).where(
            BrowserSessionRow.sub == sub, BrowserSessionRow.ended_at.is_(None)
        )
        if but is not None:
            unended = unended.where(BrowserSessionRow.digest != but)
        self._db.execute(unended.values(ended_at=at))
