"""Device authorizations in the database."""

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session as Db

from auth_service.domain.oauth.device_code import DeviceCode, DeviceStatus
from auth_service.storage.dialects import affected, insert_or_ignore
from auth_service.storage.tables import DeviceCodeRow, record_of, values_of


class SqlDeviceCodes:
    """The domain's `DeviceCodes`, inside one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, code: DeviceCode) -> bool:
        values = values_of(code) | {"status": str(code.status)}
        return insert_or_ignore(self._db, DeviceCodeRow, **values)

    def find_by_digest(self, digest: bytes) -> DeviceCode | None:
        return self._one(select(DeviceCodeRow).where(DeviceCodeRow.digest == digest))

    def get_for_update(self, digest: bytes) -> DeviceCode | None:
        return self._one(select(DeviceCodeRow).where(DeviceCodeRow.digest == digest).with_for_update())

    def find_by_user_code(self, digest: bytes) -> DeviceCode | None:
        return self._one(select(DeviceCodeRow).where(DeviceCodeRow.user_code_digest == digest))

    def set_next_poll(self, digest: bytes, next_poll_at: float) -> None:
        changed = update(DeviceCodeRow).where(DeviceCodeRow.digest == digest)
        self._db.execute(changed.values(next_poll_at=next_poll_at))

    def approve(self, digest: bytes, sub: str, methods: tuple[str, ...], auth_time: float) -> bool:
        facts = {"sub": sub, "methods": methods, "auth_time": auth_time}
        return self._swap(digest, DeviceStatus.PENDING, DeviceStatus.APPROVED, **facts)

    def deny(self, digest: bytes, sub: str) -> bool:
        return self._swap(digest, DeviceStatus.PENDING, DeviceStatus.DENIED, sub=sub)

    def mark_used(self, digest: bytes) -> bool:
        return self._swap(digest, DeviceStatus.APPROVED, DeviceStatus.USED)

    def _swap(self, digest: bytes, old: DeviceStatus, new: DeviceStatus, **facts: object) -> bool:
        swap = update(DeviceCodeRow).where(DeviceCodeRow.digest == digest, DeviceCodeRow.status == str(old))
        values = {"status": str(new), **facts}
        return affected(self._db, swap.values(**values)) == 1

    def _one(self, rows: Select[DeviceCodeRow]) -> DeviceCode | None:
        row = self._db.scalar(rows)
        return None if row is None else record_of(DeviceCode, row, status=DeviceStatus(row.status))
