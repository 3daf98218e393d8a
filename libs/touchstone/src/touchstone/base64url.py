"""Canonical base64url: one spelling for each byte string (RFC 7515 section 2, RFC 4648 section 3.5)."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable

from touchstone.msgspec_support import CODECS, Codecs

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PLUS, _SLASH, _BACKSLASH = b"+/\\"  # as numbers: searching bytes for bytes is slower

# By length modulo 4: the padding to restore, and the last characters whose unused bits are all zero.
_PADDING = (b"", b"", b"==", b"=")
_PADDING_QUOTED = tuple(padding + b'"' for padding in _PADDING)
_PADDING_BETWEEN = tuple(padding + b'","' for padding in _PADDING)
_PADDING_LAST = tuple(padding + b'"]' for padding in _PADDING)
_LAST = (_ALPHABET, b"", _ALPHABET[::16], _ALPHABET[::4])


def decoder(codecs: Codecs | None) -> Callable[[bytes], bytes]:
    """Return a decoder of unpadded base64url; it raises ValueError for text that would not encode back to itself."""

    def decode(text: bytes) -> bytes:
        remainder = len(text) & 3
        if (
            not text
            or text[-1] not in _LAST[remainder]
            or _PLUS in text
            or _SLASH in text
            or _BACKSLASH in text  # an escape in a JSON string
        ):
            raise ValueError("not canonical base64url")
        # Two replacements cost a third of one translation; other characters are refused below.
        standard = text.replace(b"-", b"+").replace(b"_", b"/")
        if codecs is None:
            return a2b_base64(standard + _PADDING[remainder], strict_mode=True)
        return codecs.unquote(b'"' + standard + _PADDING_QUOTED[remainder])

    return decode


def pair_decoder(codecs: Codecs | None) -> Callable[[bytes], tuple[bytes, bytes]]:
    """Return a decoder of two parts separated by a dot, each decoded as by `decoder`."""
    decode = decoder(None)

    def decode_pair(text: bytes) -> tuple[bytes, bytes]:
        if codecs is None:
            former, _, latter = text.partition(b".")
            return decode(former), decode(latter)
        dot = text.find(b".")
        first, second = dot & 3, (len(text) - dot - 1) & 3
        if (
            dot < 1
            or text[dot - 1] not in _LAST[first]
            or text[-1] not in _LAST[second]
            or _PLUS in text
            or _SLASH in text
            or _BACKSLASH in text
        ):
            raise ValueError("not canonical base64url")
        standard = text.replace(b"-", b"+").replace(b"_", b"/").replace(b".", _PADDING_BETWEEN[first], 1)
        return codecs.unquote_pair(b'["' + standard + _PADDING_LAST[second])

    return decode_pair


decode = decoder(CODECS)
decode_pair = pair_decoder(CODECS)
