"""Audiences and roles: the rows of files, and those of the database, whose definitions are JSON."""

import json
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session as Db

from auth_service.domain.oauth.registry import Audience, Registry, Role
from auth_service.storage.dialects import insert_into
from auth_service.storage.tables import Base, RegistryRow

_TABLE = Base.metadata.tables["registry_rows"]
# Compiled once and without the ORM: it runs in every log-in and refresh.
_ALL = select(_TABLE.c.kind, _TABLE.c.name, _TABLE.c.definition).order_by(_TABLE.c.created_at, _TABLE.c.name)
AUDIENCE, ROLE = "audience", "role"


class SqlRegistryRows:
    """The domain's `RegistryRows`, inside one transaction; read once in it, and again after a change."""

    def __init__(self, db: Db, fixed: Registry) -> None:
        self._db, self.fixed = db, fixed
        self._read: Registry | None = None

    def get(self) -> Registry:
        if self._read is None:
            rows = self._db.connection().execute(_ALL).all()
            self._read = self.fixed
            if rows:
                found = [(row.kind, row.name, json.loads(row.definition)) for row in rows]
                self._read = self.fixed.extended(
                    (Audience(name, table) for kind, name, table in found if kind == AUDIENCE),
                    (Role(name, frozenset(table)) for kind, name, table in found if kind == ROLE),
                )
        return self._read

    def get_locked(self) -> Registry:
        return self._get_after_lock("ROW SHARE")

    def get_for_update(self) -> Registry:
        return self._get_after_lock("EXCLUSIVE")

    def save_audience(self, audience: Audience, at: float) -> None:
        self._save(AUDIENCE, audience.name, dict(audience.scopes), at)

    def delete_audience(self, name: str) -> None:
        self._delete(AUDIENCE, name)

    def save_role(self, role: Role, at: float) -> None:
        self._save(ROLE, role.name, sorted(role.scopes), at)

    def delete_role(self, name: str) -> None:
        self._delete(ROLE, name)

    def _get_after_lock(self, mode: str) -> Registry:
        # SQLite needs no lock: it has one writer at a time.
        if self._db.get_bind().dialect.name == "postgresql":
            self._db.execute(text(f"LOCK TABLE {_TABLE.name} IN {mode} MODE"))
        self._read = None
        return self.get()

    def _save(self, kind: str, name: str, definition: Any, at: float) -> None:
        values = {"definition": json.dumps(definition)}
        row = insert_into(self._db, RegistryRow).values(kind=kind, name=name, created_at=at, **values)
        self._db.execute(row.on_conflict_do_update(index_elements=["kind", "name"], set_=values))
        self._read = None

    def _delete(self, kind: str, name: str) -> None:
        self._db.execute(delete(RegistryRow).where(RegistryRow.kind == kind, RegistryRow.name == name))
        self._read = None
