import base64

import pytest
from service_kit.errors import BadCursor
from service_kit.web.pagination import decode_cursor, decode_text, encode_cursor, encode_text


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


def test_text_cursor_decodes_to_its_text():
    assert decode_text(encode_text("ada"), str.islower) == "ada"
    assert (encode_text(None), decode_text(None, str.islower)) == (None, None)


@pytest.mark.parametrize("cursor", ["", encode_cursor(1), encode_cursor("a", "b"), encode_cursor("ADA")])
def test_other_text_cursor_is_refused(cursor):
    with pytest.raises(BadCursor):
        decode_text(cursor, str.islower)
