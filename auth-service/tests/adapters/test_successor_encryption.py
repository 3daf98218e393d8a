"""The encryption of successors of refresh tokens."""

import pytest
from auth_service.adapters.successor_encryption import HkdfSealer


def test_seal_opens_with_predecessor_alone():
    sealer = HkdfSealer()
    sealed = sealer.seal("predecessor", "successor")

    assert sealer.unseal("predecessor", sealed) == "successor"
    assert b"successor" not in sealed
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for token, content in [("other", sealed), ("predecessor", changed), ("predecessor", b"")]:
        with pytest.raises(ValueError, match="not sealed"):
            sealer.unseal(token, content)
