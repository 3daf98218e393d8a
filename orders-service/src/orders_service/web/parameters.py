"""The strings of requests as values of the domain, and back: cursors and the Idempotency-Key."""

import re
from typing import Any, Final
from uuid import UUID

from service_kit.clock import utc_datetime
from service_kit.errors import BadCursor, InvalidRequest
from service_kit.web.pagination import decode_cursor, encode_cursor

from orders_service.domain.order import IDEMPOTENCY_KEY_MAX, Position

_MICROSECONDS: Final = 1_000_000  # a second's; the precision that times are stored with
_KEY: Final = re.compile(rf"[ -~]{{1,{IDEMPOTENCY_KEY_MAX}}}")

IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of your choice for this order: a repeated request with the same key and body returns the "
    "same order, one with another body 422. Keys are per customer, and kept as long as the order.",
    "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX, "pattern": "^[ -~]+$"},
}


def idempotency_key(header: str | None) -> str | None:
    """Return the key, or None without one; raise InvalidRequest unless it has 1 to 255 printable ASCII characters."""
    if header is not None and _KEY.fullmatch(header) is None:
        what = f"must have 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters"
        raise InvalidRequest([{"where": "header.Idempotency-Key", "what": what}])
    return header


def order_cursor(position: Position | None) -> str | None:
    """Return the cursor of the page after this position."""
    if position is None:
        return None
    return encode_cursor(round(position.created_at * _MICROSECONDS), str(position.id))


def order_position(cursor: str | None) -> Position | None:
    """Return the position of a cursor made by `order_cursor`; raise BadCursor for any other."""
    if cursor is None:
        return None
    microseconds, order_id = decode_cursor(cursor, int, str)
    try:
        created_at = int(microseconds or 0) / _MICROSECONDS
        utc_datetime(created_at)  # a time that the database can compare with
        return Position(created_at, UUID(str(order_id)))
    except (ValueError, OverflowError, OSError):
        raise BadCursor from None
