"""Clients registered at run time, in the database: metadata as JSON; origins and the hash of the secret beside it."""

import json
from dataclasses import replace

import structlog
from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.client_metadata import client_table, parse_client
from auth_service.domain.oauth.errors import InvalidClientMetadata
from auth_service.storage.dialects import insert_or_ignore
from auth_service.storage.tables import Base, RegisteredClientRow

_log = structlog.get_logger(__name__)
_TABLE = Base.metadata.tables["registered_clients"]
_LOCK_ENABLED = (  # compiled once and without the ORM: it runs in every log-in
    select(_TABLE.c.disabled_at)
    .where(_TABLE.c.client_id == bindparam("client_id"))
    .with_for_update(read=True)
)
_ENABLED_ORIGINS = select(_TABLE.c.origins).where(_TABLE.c.origins != "", _TABLE.c.disabled_at.is_(None))


class SqlRegisteredClients:
    """The domain's `RegisteredClients`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, client: Client, at: float) -> bool:
        return insert_or_ignore(
            self._db,
            RegisteredClientRow,
            client_id=client.client_id,
            created_at=at,
            **_columns(client),
        )

    def get(self, client_id: str) -> Client | None:
        return self._one(_named(client_id))

    def get_for_update(self, client_id: str) -> Client | None:
        return self._one(_named(client_id).with_for_update())

    def list_all(self) -> list[Client]:
        rows = self._db.scalars(select(RegisteredClientRow).order_by(RegisteredClientRow.client_id))
        return [client for row in rows if (client := _client(row)) is not None]

    def list_origins(self) -> frozenset[str]:
        return frozenset().union(*self._db.scalars(_ENABLED_ORIGINS))

    def replace(self, client: Client) -> None:
        self._change(client.client_id, **_columns(client))

    def set_disabled(self, client_id: str, at: float | None) -> None:
        self._change(client_id, disabled_at=at)

    def lock_enabled(self, client_id: str) -> bool:
        # SQLite has no row locks and needs none: it has one writer at a time
        row = self._db.connection().execute(_LOCK_ENABLED, {"client_id": client_id}).one_or_none()
        return row is None or row.disabled_at is None

    def _one(self, rows: Select[RegisteredClientRow]) -> Client | None:
        row = self._db.scalar(rows)
        return None if row is None else _client(row)

    def _change(self, client_id: str, **values: object) -> None:
        self._db.execute(
            update(RegisteredClientRow).where(RegisteredClientRow.client_id == client_id).values(**values)
        )


def _named(client_id: str) -> Select[RegisteredClientRow]:
    return select(RegisteredClientRow).where(RegisteredClientRow.client_id == client_id)


def _columns(client: Client) -> dict[str, object]:
    return {
        "definition": json.dumps(client_table(replace(client, origins=frozenset()))),
        "origins": client.origins,
        "secret_hash": client.secret_hash,
    }


def _client(row: RegisteredClientRow) -> Client | None:
    try:
        client = parse_client(row.client_id, json.loads(row.definition))
    except (
        InvalidClientMetadata
    ) as fault:  # metadata that was valid when it was stored may be invalid for a newer version
        _log.error("a registered client cannot be used", client=row.client_id, reason=str(fault))
        return None
    return replace(client, origins=row.origins, secret_hash=row.secret_hash, enabled=row.disabled_at is None)
