"""Authorization codes and consents in the database; the code's compare-and-swap is one UPDATE."""

# ruff: noqa: D102 (what each method promises stands at the domain's port)

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.oauth.authorization_code import AuthorizationCode
from auth_service.domain.oauth.consent import Consent
from auth_service.storage.dialects import affected, insert_or_ignore
from auth_service.storage.tables import AuthorizationCodeRow, ConsentRow


class SqlAuthorizationCodes:
    """The domain's AuthorizationCodes, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, code: AuthorizationCode) -> None:
        self._db.execute(
            insert(AuthorizationCodeRow).values(
                digest=code.digest,
                client_id=code.client_id,
                sub=code.sub,
                redirect_uri=code.redirect_uri,
                scopes=" ".join(sorted(code.scopes)),
                requested=" ".join(sorted(code.requested)),
                audiences=" ".join(code.audiences),
                nonce=code.nonce,
                code_challenge=code.code_challenge,
                methods=" ".join(code.methods),
                auth_time=code.auth_time,
                browser_session=code.browser_session,
                expires_at=code.expires_at,
            )
        )

    def find_by_digest(self, digest: bytes) -> AuthorizationCode | None:
        found = select(AuthorizationCodeRow).where(AuthorizationCodeRow.digest == digest)
        row = self._db.scalar(found.execution_options(populate_existing=True))
        if row is None:
            return None
        return AuthorizationCode(
            digest=row.digest,
            client_id=row.client_id,
            sub=row.sub,
            redirect_uri=row.redirect_uri,
            scopes=frozenset(row.scopes.split()),
            requested=frozenset(row.requested.split()),
            audiences=tuple(row.audiences.split()),
            code_challenge=row.code_challenge,
            methods=tuple(row.methods.split()),
            auth_time=row.auth_time,
            expires_at=row.expires_at,
            nonce=row.nonce,
            browser_session=row.browser_session,
            used_at=row.used_at,
            sid=row.sid,
        )

    def mark_used(self, digest: bytes, at: float) -> bool:
        unused = update(AuthorizationCodeRow).where(
            AuthorizationCodeRow.digest == digest, AuthorizationCodeRow.used_at.is_(None)
        )
        return affected(self._db, unused.values(used_at=at).execution_options(synchronize_session=False)) == 1

    def set_session(self, digest: bytes, sid: str) -> None:
        row = update(AuthorizationCodeRow).where(AuthorizationCodeRow.digest == digest)
        self._db.execute(row.values(sid=sid).execution_options(synchronize_session=False))


class SqlConsents:
    """The domain's Consents, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def get(self, sub: str, client_id: str) -> Consent | None:
        row = self._db.get(ConsentRow, (sub, client_id))
        if row is None:
            return None
        return Consent(row.sub, row.client_id, frozenset(row.scopes.split()), row.granted_at)

    def save(self, consent: Consent) -> None:
        key = {"sub": consent.sub, "client_id": consent.client_id}
        values = {"scopes": " ".join(sorted(consent.scopes)), "granted_at": consent.granted_at}
        if not insert_or_ignore(self._db, ConsentRow, **key, **values):
            self._db.execute(update(ConsentRow).filter_by(**key).values(**values))
