"""Owns base64url: the one spelling of each byte string, and no other (RFC 7515 section 2, RFC 4648 section 3.5)."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable

from touchstone.msgspec_support import HELP, Help

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PLUS, _SLASH, _BACKSLASH = b"+/\\"  # as numbers: looking for bytes in bytes is slow

# By length modulo 4: the padding to restore, and the last characters whose unused bits are all zero.
_PADDING = (b"", b"", b"==", b"=")
_PADDING_QUOTED = tuple(padding + b'"' for padding in _PADDING)
_PADDING_BETWEEN = tuple(padding + b'","' for padding in _PADDING)
_PADDING_LAST = tuple(padding + b'"]' for padding in _PADDING)
_LAST = (_ALPHABET, b"", _ALPHABET[::16], _ALPHABET[::4])


def decoder(faster: Help | None) -> Callable[[bytes], bytes]:
    """Make a decoder of unpadded base64url, which raises ValueError for what would not encode back to the same."""

    def decode(text: bytes) -> bytes:
        remainder = len(text) & 3
        if (
            not text
            or text[-1] not in _LAST[remainder]
            or _PLUS in text
            or _SLASH in text
            or _BACKSLASH in text  # would escape something in a JSON string
        ):
            raise ValueError("not canonical base64url")
        # Two replacements cost a third of one translation; what is left outside of the alphabet is refused below.
        standard = text.replace(b"-", b"+").replace(b"_", b"/")
        if faster is None:
            return a2b_base64(standard + _PADDING[remainder], strict_mode=True)
        return faster.unquote(b'"' + standard + _PADDING_QUOTED[remainder])

    return decode


def pair_decoder(faster: Help | None) -> Callable[[bytes], tuple[bytes, bytes]]:
    """Make a decoder of two parts with a dot between them: what `decoder` does for each, in one go."""
    decode = decoder(None)

    def decode_pair(text: bytes) -> tuple[bytes, bytes]:
        if faster is None:
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
        return faster.unquote_pair(b'["' + standard + _PADDING_LAST[second])

    return decode_pair


decode = decoder(HELP)
decode_pair = pair_decoder(HELP)
