"""Owns base64url: the one spelling of each byte string, and no other (RFC 7515 section 2, RFC 4648 section 3.5)."""

from __future__ import annotations

from binascii import a2b_base64

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# To the alphabet that binascii reads; whatever is not base64url becomes a byte that binascii refuses.
_TO_STANDARD = bytes(
    b"+/"[b"-_".index(c)] if c in b"-_" else c if c in _ALPHABET else 0x21 for c in range(256)
)

# By length modulo 4: the padding to restore, and the last characters whose unused bits are all zero.
_PADDING = (b"", b"", b"==", b"=")
_LAST = (_ALPHABET, b"", _ALPHABET[::16], _ALPHABET[::4])


def decode(text: bytes) -> bytes:
    """Decode unpadded base64url; raise ValueError for anything that would not encode back to `text`."""
    remainder = len(text) & 3
    if not text or text[-1] not in _LAST[remainder]:
        raise ValueError("not canonical base64url")
    return a2b_base64(text.translate(_TO_STANDARD) + _PADDING[remainder], strict_mode=True)
