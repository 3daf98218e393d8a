"""The tokens of one browser session, and the times that count for them."""

import base64
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_MAX_PLAIN = 64 * 1024  # bytes of an opened cookie


@dataclass(frozen=True)
class SessionTokens:
    """What the session cookie holds: both tokens, when they were asked for, and the account's name and email address at log-in.

    Times are in Unix seconds of the gateway's own clock, so that a difference to the issuer's does not count.
    """

    access_token: str
    refresh_token: str
    name: str
    email: str
    obtained_at: int

    @cached_property
    def header(self) -> dict[str, Any]:
        """The header of the access token."""
        return _object(self.access_token, 0)

    @cached_property
    def claims(self) -> dict[str, Any]:
        """The claims of the access token."""
        return _object(self.access_token, 1)

    @property
    def lifetime(self) -> float:
        """The lifetime of the access token in seconds."""
        return float(self.claims["exp"] - self.claims["iat"])

    def is_due(self, now: float) -> bool:
        """Return whether to refresh: in the last minute, or the last quarter of a shorter life."""
        return now >= self.obtained_at + self.lifetime - min(60, self.lifetime / 4)

    def has_expired(self, now: float) -> bool:
        """Return whether a service may refuse the access token for its age by the time that it gets it."""
        return now >= self.obtained_at + self.lifetime - min(5, self.lifetime / 8)

    def packed(self) -> bytes:
        """Return the tokens in few bytes: base64url grows what it encodes, and hides repetition from compression."""
        header, payload, signature = map(_decoded, self.access_token.split("."))
        values = [
            header.decode(),
            payload.decode(),
            self.refresh_token,
            self.name,
            self.email,
            self.obtained_at,
        ]
        return zlib.compress(json.dumps(values, ensure_ascii=False).encode() + b"\n" + signature, 9)

    @classmethod
    def unpacked(cls, packed: bytes) -> "SessionTokens":
        """Return what `packed` returned."""
        values, _, signature = zlib.decompressobj().decompress(packed, _MAX_PLAIN).partition(b"\n")
        header, payload, *rest = json.loads(values)
        return cls(".".join(map(_encoded, (header.encode(), payload.encode(), signature))), *rest)


def _object(token: str, part: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_decoded(token.split(".")[part]))
    return found


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
