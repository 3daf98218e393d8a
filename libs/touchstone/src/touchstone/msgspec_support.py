"""Owns the optional help of msgspec: the same answers sooner, none of them trusted."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple


class Help(NamedTuple):
    """Faster, of whose strictness nothing is expected: whoever uses it checks the answer."""

    loads: Callable[[bytes], Any]  # a JSON text to a value
    dumps: Callable[[Any], bytes]  # a value to compact JSON, the same way each time
    unquote: Callable[[bytes], bytes]  # a JSON string of padded standard base64 to bytes
    unquote_pair: Callable[[bytes], tuple[bytes, bytes]]  # a JSON array of two of them


def help_of(msgspec: Any) -> Help:
    """Take from msgspec what helps."""
    return Help(
        msgspec.json.Decoder().decode,
        msgspec.json.Encoder().encode,
        msgspec.json.Decoder(bytes).decode,
        msgspec.json.Decoder(tuple[bytes, bytes]).decode,
    )


HELP: Help | None = help_of(import_module("msgspec")) if find_spec("msgspec") else None
