"""Public halves of former signing keys in the database."""

from sqlalchemy import delete
from sqlalchemy.orm import Session as Db

from auth_service.domain.oauth.id_token import HintKey
from auth_service.storage.dialects import affected, insert_or_ignore
from auth_service.storage.tables import HintKeyRow


class SqlHintKeys:
    """The domain's `HintKeys`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, key: HintKey) -> None:
        insert_or_ignore(
            self._db, HintKeyRow, kid=key.kid, public_key=key.public_key, keep_until=key.keep_until
        )

    def get(self, kid: str) -> HintKey | None:
        row = self._db.get(HintKeyRow, kid)
        return None if row is None else HintKey(row.kid, row.public_key, row.keep_until)

    def delete(self, kid: str) -> bool:
        return affected(self._db, delete(HintKeyRow).where(HintKeyRow.kid == kid)) == 1
