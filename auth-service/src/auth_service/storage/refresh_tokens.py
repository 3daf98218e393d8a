"""Refresh tokens in the database; each is replaced by one UPDATE, a compare-and-swap."""

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session as Db
from sqlalchemy.orm import aliased

from auth_service.domain.oauth.refresh_token import RefreshToken, StoredRefreshToken
from auth_service.storage.dialects import affected
from auth_service.storage.tables import RefreshTokenRow, SessionRow


class SqlRefreshTokens:
    """The domain's `RefreshTokens`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, token: RefreshToken) -> None:
        self._db.execute(
            insert(RefreshTokenRow).values(
                digest=token.digest, sid=token.sid, expires_at=token.expires_at, keep_until=token.keep_until
            )
        )

    def find_by_digest(self, digest: bytes) -> StoredRefreshToken | None:
        row, after = RefreshTokenRow, aliased(RefreshTokenRow)
        found = self._db.execute(
            select(
                row.digest,
                row.sid,
                row.expires_at,
                row.keep_until,
                row.used_at,
                row.successor,
                row.sealed,
                after.used_at.label("after_used_at"),
            )
            .outerjoin(after, after.digest == row.successor)
            .where(row.digest == digest)
        ).one_or_none()
        if found is None:
            return None
        return StoredRefreshToken(RefreshToken(*found[:7]), successor_used=found.after_used_at is not None)

    def replace(self, digest: bytes, successor: RefreshToken, sealed: bytes, at: float) -> bool:
        session_lives = (
            select(SessionRow.sid)
            .where(SessionRow.sid == RefreshTokenRow.sid, SessionRow.ended_at.is_(None))
            .exists()
        )
        swap = update(RefreshTokenRow).where(
            RefreshTokenRow.digest == digest, RefreshTokenRow.used_at.is_(None), session_lives
        )
        values = {"used_at": at, "successor": successor.digest, "sealed": sealed}
        if affected(self._db, swap.values(**values)) != 1:
            return False
        self.add(successor)
        return True
