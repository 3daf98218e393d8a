import base64

import pytest
from service_kit.errors import BadCursor
from service_kit.web.pagination import decode_cursor, encode_cursor


def test_cursor_decodes_to_its_key():
    cursor = encode_cursor("2026-01-01T00:00:00Z", 7, None)
    assert decode_cursor(cursor, str, int, type(None)) == ("2026-01-01T00:00:00Z", 7, None)
    assert "=" not in cursor


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "!!!!", "\u00e9", "A" * 513, "bnVsbA", "e30", encode_cursor(1), encode_cursor("1"), encode_cursor(1, 2, 3),
        encode_cursor(1, "x") + "=", encode_cursor(1, "x") + "AAA",
        base64.urlsafe_b64encode(b"[" * 300).decode(), base64.urlsafe_b64encode(b'[true,"x"]').decode(),
    ],
)  # fmt: skip
def test_other_cursor_is_refused(cursor):
    with pytest.raises(BadCursor):
        decode_cursor(cursor, int, str)
