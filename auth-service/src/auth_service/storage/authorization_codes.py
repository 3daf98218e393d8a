"""Authorization codes and consents in the database; a code is used by one UPDATE, a compare-and-swap."""

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.oauth.authorization_code import AuthorizationCode
from auth_service.domain.oauth.consent import Consent
from auth_service.storage.dialects import affected, insert_or_ignore
from auth_service.storage.tables import AuthorizationCodeRow, ConsentRow, record_of, values_of


class SqlAuthorizationCodes:
    """The domain's `AuthorizationCodes`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, code: AuthorizationCode) -> None:
        self._db.execute(insert(AuthorizationCodeRow).values(**values_of(code)))

    def find_by_digest(self, digest: bytes) -> AuthorizationCode | None:
        found = select(AuthorizationCodeRow).where(AuthorizationCodeRow.digest == digest)
        row = self._db.scalar(found)
        return None if row is None else record_of(AuthorizationCode, row)

    def mark_used(self, digest: bytes, at: float) -> bool:
        unused = update(AuthorizationCodeRow).where(
            AuthorizationCodeRow.digest == digest, AuthorizationCodeRow.used_at.is_(None)
        )
        return affected(self._db, unused.values(used_at=at)) == 1

    def set_session(self, digest: bytes, sid: str) -> None:
        row = update(AuthorizationCodeRow).where(AuthorizationCodeRow.digest == digest)
        self._db.execute(row.values(sid=sid))


class SqlConsents:
    """The domain's `Consents`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def get(self, sub: str, client_id: str) -> Consent | None:
        row = self._db.get(ConsentRow, (sub, client_id))
        return None if row is None else record_of(Consent, row)

    def save(self, consent: Consent) -> None:
        key = {"sub": consent.sub, "client_id": consent.client_id}
        values = {"scopes": consent.scopes, "granted_at": consent.granted_at}
        if not insert_or_ignore(self._db, ConsentRow, **key, **values):
            self._db.execute(update(ConsentRow).filter_by(**key).values(**values))
