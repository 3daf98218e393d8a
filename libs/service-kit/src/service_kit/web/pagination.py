"""Pagination by opaque cursors."""

import base64
import binascii
import json
from collections.abc import Callable

from service_kit.errors import BadCursor

MAX_LENGTH = 512
CURSOR = "The `next_cursor` of the previous page; without it, the first page."
LIMIT = "How many items the page has at most."
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


def encode_text(text: str | None) -> str | None:
    """Return the cursor for a position of one text, or None for None."""
    return None if text is None else encode_cursor(text)


def decode_text(cursor: str | None, is_valid: Callable[[str], object]) -> str | None:
    """Return the text of a cursor of `encode_text`; raise BadCursor for any other, and for an invalid text."""
    if cursor is None:
        return None
    text = str(decode_cursor(cursor, str)[0])
    if not is_valid(text):
        raise BadCursor
    return text
