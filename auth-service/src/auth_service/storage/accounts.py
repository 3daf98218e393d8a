"""Accounts in the database."""

from sqlalchemy import String, literal, select, type_coerce, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.accounts.account import Account
from auth_service.storage.dialects import affected, insert_or_ignore
from auth_service.storage.tables import AccountRow, record_of, values_of


class SqlAccounts:
    """The domain's `Accounts`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, account: Account) -> bool:
        return insert_or_ignore(self._db, AccountRow, **values_of(account))

    def find_by_email(self, email: str) -> Account | None:
        return _account(self._db.scalar(select(AccountRow).where(AccountRow.email == email)))

    def get(self, sub: str) -> Account | None:
        return _account(self._db.scalar(select(AccountRow).where(AccountRow.sub == sub)))

    def get_for_update(self, sub: str) -> Account | None:
        # SQLite has no row locks and needs none: it has one writer at a time
        found = select(AccountRow).where(AccountRow.sub == sub).with_for_update()
        return _account(self._db.scalar(found))

    def set_password_hash(self, sub: str, password_hash: str) -> None:
        self._db.execute(update(AccountRow).where(AccountRow.sub == sub).values(password_hash=password_hash))

    def set_email_verified(self, sub: str, at: float) -> bool:
        unverified = update(AccountRow).where(AccountRow.sub == sub, AccountRow.email_verified_at.is_(None))
        return affected(self._db, unverified.values(email_verified_at=at)) == 1

    def set_disabled(self, sub: str, at: float | None) -> None:
        self._db.execute(update(AccountRow).where(AccountRow.sub == sub).values(disabled_at=at))

    def set_roles(self, sub: str, roles: frozenset[str]) -> None:
        self._db.execute(update(AccountRow).where(AccountRow.sub == sub).values(roles=roles))

    def list_with_role(self, role: str) -> list[Account]:
        names = literal(" ") + type_coerce(AccountRow.roles, String) + " "
        found = (
            select(AccountRow).where(names.contains(f" {role} ", autoescape=True)).order_by(AccountRow.sub)
        )
        return [record_of(Account, row) for row in self._db.scalars(found)]

    def list_page(self, after: str | None, limit: int) -> list[Account]:
        rows = select(AccountRow).order_by(AccountRow.sub).limit(limit)
        if after is not None:
            rows = rows.where(AccountRow.sub > after)
        return [record_of(Account, row) for row in self._db.scalars(rows)]


def _account(row: AccountRow | None) -> Account | None:
    return None if row is None else record_of(Account, row)
