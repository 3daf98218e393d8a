"""Pagination by opaque cursors."""

import base64
import binascii
import json

from service_kit.errors import BadCursor

MAX_LENGTH = 512
Key = str | int | None


def encode_cursor(*key: Key) -> str:
    """Return the cursor for a position: the sort key of a page's last row."""
    raw = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: type) -> tuple[Key, ...]:
    """Return the position, one value for each of `types` (str, int or NoneType); raise BadCursor."""
    if not cursor or len(cursor) > MAX_LENGTH or not cursor.isascii():
        raise BadCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursor from None
    if (
        not isinstance(key, list)
        or [type(part) for part in key] != list(types)
        or encode_cursor(*key) != cursor
    ):
        raise BadCursor
    return tuple(key)
