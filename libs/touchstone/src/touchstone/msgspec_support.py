"""Optional JSON codecs of msgspec: faster than the standard library, and not relied on for strictness."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple


class Codecs(NamedTuple):
    """Fast JSON codecs that may accept too much: their callers check each result."""

    loads: Callable[[bytes], Any]  # JSON text to a value
    dumps: Callable[[Any], bytes]  # a value to compact JSON, always the same way
    unquote: Callable[[bytes], bytes]  # a JSON string of padded standard base64 to bytes
    unquote_pair: Callable[[bytes], tuple[bytes, bytes]]  # a JSON array of two of them


def make_codecs(msgspec: Any) -> Codecs:
    """Return the codecs of the module `msgspec`."""
    return Codecs(
        msgspec.json.Decoder().decode,
        msgspec.json.Encoder().encode,
        msgspec.json.Decoder(bytes).decode,
        msgspec.json.Decoder(tuple[bytes, bytes]).decode,
    )


CODECS: Codecs | None = make_codecs(import_module("msgspec")) if find_spec("msgspec") else None
