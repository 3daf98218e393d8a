"""Used client assertions in the database."""

from sqlalchemy.orm import Session as Db

from auth_service.storage.dialects import insert_or_ignore
from auth_service.storage.tables import UsedAssertionRow


class SqlUsedAssertions:
    """The domain's `UsedAssertions`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, client_id: str, jti: str, until: float) -> bool:
        return insert_or_ignore(self._db, UsedAssertionRow, client_id=client_id, jti=jti, until=until)
