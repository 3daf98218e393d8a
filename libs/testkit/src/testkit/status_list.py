"""Status list tokens as an issuer publishes them, packed and signed by the draft alone, without touchstone's code."""

import zlib
from collections.abc import Mapping
from typing import Any

from testkit.keys import b64
from testkit.token_signer import TokenSigner, encode, override

LIST_TYPE = "application/statuslist+jwt"
FULL_SIZE = 2**20
LIFE_SECONDS = 43_200


def list_path(number: int = 1) -> str:
    """Return the path of the list below the issuer's URL."""
    return f"/status-lists/{number}"


class FakeStatusList:
    """`size` statuses of `bits` bits each, all 0 at first (draft-ietf-oauth-status-list-21, section 4.1).

    `signer` signs the list and names the issuer. `ttl` is in seconds. Any index in range may be set, to any value.
    """

    def __init__(
        self, signer: TokenSigner, number: int = 1, *, size: int = FULL_SIZE, bits: int = 1, ttl: int = 20
    ) -> None:
        self.signer = signer
        self.number = number
        self.bits = bits
        self.ttl = ttl
        self.data = bytearray(size * bits // 8)

    @property
    def uri(self) -> str:
        """The name of the list, for `status.status_list.uri` and its own `sub`."""
        return f"{self.signer.issuer}{list_path(self.number)}"

    def __setitem__(self, index: int, value: int) -> None:
        """Set a status; the first of a byte has its lowest bits."""
        byte, shift = index * self.bits // 8, index * self.bits % 8
        mask = (2**self.bits - 1) << shift
        self.data[byte] = self.data[byte] & ~mask | value << shift

    def packed(self) -> dict[str, Any]:
        """Return the claim `status_list`."""
        return {"bits": self.bits, "lst": b64(zlib.compress(self.data, 9))}

    def token(self, header: Mapping[str, Any] | None = None, **overrides: Any) -> bytes:
        """Return the list, signed now; `overrides` change claims and `header` its members (MISSING leaves out)."""
        now = int(self.signer.now())
        claims = {
            "iss": self.signer.issuer,
            "sub": self.uri,
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "ttl": self.ttl,
            "status_list": self.packed(),
        }
        members = self.signer.header(**{"typ": "statuslist+jwt", **(header or {})})
        return self.signer.sign_raw(encode(members), encode(override(claims, overrides))).encode()
