"""From the wire's strings to the domain's values: cursors and the Idempotency-Key."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from service_kit.errors import BadCursor, InvalidRequest
from service_kit.web.pagination import decode_cursor, encode_cursor

from orders_service.domain.order import IDEMPOTENCY_KEY_MAX, Position
from orders_service.domain.product import SKU_PATTERN

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_KEY: Final = re.compile(rf"[ -~]{{1,{IDEMPOTENCY_KEY_MAX}}}")

IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The caller's own name for this order: a repeated request with the same key and body gets the "
    "same order again, one with another body 422. Kept per customer, as long as the order itself.",
    "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX, "pattern": "^[ -~]+$"},
}


def idempotency_key(header: str | None) -> str | None:
    """Return the key, None without one; InvalidRequest unless it has 1 to 255 printable ASCII characters."""
    if header is not None and _KEY.fullmatch(header) is None:
        what = f"must have 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters"
        raise InvalidRequest([{"where": "header.Idempotency-Key", "what": what}])
    return header


def order_cursor(position: Position | None) -> str | None:
    """Return the cursor for the orders older than ``position``."""
    if position is None:
        return None
    return encode_cursor((position.created_at - _EPOCH) // _MICROSECOND, str(position.id))


def order_position(cursor: str | None) -> Position | None:
    """Return what ``order_cursor`` was given; BadCursor for anything else."""
    if cursor is None:
        return None
    microseconds, order_id = decode_cursor(cursor, int, str)
    try:
        return Position(_EPOCH + timedelta(microseconds=int(microseconds or 0)), UUID(str(order_id)))
    except (ValueError, OverflowError):
        raise BadCursor from None


def product_cursor(sku: str | None) -> str | None:
    """Return the cursor for the products after ``sku``."""
    return None if sku is None else encode_cursor(sku)


def product_position(cursor: str | None) -> str | None:
    """Return what ``product_cursor`` was given; BadCursor for anything else."""
    if cursor is None:
        return None
    (sku,) = decode_cursor(cursor, str)
    if not isinstance(sku, str) or re.fullmatch(SKU_PATTERN, sku) is None:
        raise BadCursor
    return sku
