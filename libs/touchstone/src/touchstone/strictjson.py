"""Strict JSON: each text has one meaning (RFC 8259; I-JSON, RFC 7493 section 2)."""

from __future__ import annotations

import json
import re
from json import JSONDecoder
from math import isinf
from typing import Never, cast

from touchstone.msgspec_support import CODECS, Codecs

_WHITESPACE = " \t\n\r"

# Strings are matched so that brackets inside them do not count. The closing quote is optional, so that an unterminated
# string is matched once and not tried again from each quote in it.
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


class Reader:
    """Reads strict JSON, with or without `codecs`: the results and the errors are the same."""

    def __init__(self, codecs: Codecs | None) -> None:
        self._codecs = codecs

    def loads(self, raw: bytes | str, *, max_depth: int = 32) -> object:
        """Return the value of one JSON text.

        Raise ValueError, and no other error, for a text that is not JSON in UTF-8, begins with a byte order mark,
        repeats a member at any depth, contains NaN, Infinity, a number too large for a float, an integer of thousands
        of digits or an unpaired surrogate, or nests deeper than `max_depth`.
        """
        # Counts the opening brackets: `replace` uses memchr, `count` looks at each byte.
        shallow = (
            type(raw) is bytes
            and 2 * len(raw) - len(raw.replace(b"{", b"")) - len(raw.replace(b"[", b"")) <= max_depth
        )
        codecs = self._codecs
        if codecs is not None and shallow and isinstance(raw, bytes):
            try:
                value = codecs.loads(raw)
                if codecs.dumps(value) == raw:
                    # It encodes to the same bytes: no member was dropped, repeated or changed.
                    return cast("object", value)
            except Exception:  # noqa: BLE001, S110 - the strict reader below decides
                pass
        try:
            text = raw if isinstance(raw, str) else str(raw, "utf-8")
        except UnicodeDecodeError:
            raise ValueError("not UTF-8") from None
        if not shallow and _depth(text) > max_depth:
            raise ValueError("nested too deep")
        text = text.strip(_WHITESPACE)
        value, end = _scan(text)
        if end != len(text):
            raise ValueError("more than one value")
        if "\\" in text or not text.isascii():
            # An unpaired surrogate is the only character that cannot be encoded as UTF-8.
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise ValueError("an unpaired surrogate") from None
        return cast("object", value)


loads = Reader(CODECS).loads


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse(_constant: str) -> Never:
    raise ValueError("NaN or Infinity")


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError("number out of range")
    return number


_scan = JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite).raw_decode


def _depth(text: str) -> int:
    deepest = depth = 0
    for match in _BRACKETS.finditer(text):
        bracket = match[0]
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest
