"""The encryption of successors of refresh tokens."""

import pytest
from auth_service.adapters.successor_encryption import HkdfSealer


def test_seal_opens_with_predecessor_alone():
    sealer = HkdfSealer()
    sealed = sealer.seal("predecessor", "successor")

    assert sealer.unseal("predecessor", sealed) == "successor"
    assert b"successor" not in sealed
    for token, content in [("other", sealed), ("predecessor", sealed[:-1] + b"x"), ("predecessor", b"")]:
        with pytest.raises(ValueError, match="not sealed"):
            sealer.unseal(token, content)
