"""The forgeries: each is what it says, and no more."""

import hashlib
import hmac

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gateway.console.forged_tokens import (
    YEAR_SECONDS,
    parts_of,
    signed_by_another_key,
    signed_with_public_key,
    tampered,
    unsigned,
)


@pytest.fixture
def token(signer):
    return signer.sign(signer.claims(aud="orders-service", scope="orders:read"))


@pytest.fixture
def public(signer):
    return signer.key.public_key()


def test_unsigned_token_has_no_signature(token, public):
    forged = parts_of(unsigned(token, public))
    assert (forged.header["alg"], forged.signature) == ("none", "")
    assert forged.claims == parts_of(token).claims


def test_public_key_is_secret_of_the_hmac(token, public):
    forged = signed_with_public_key(token, public)
    text, _, signature = forged.rpartition(".")
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    expected = hmac.digest(pem, text.encode(), hashlib.sha256)
    assert jwt.utils.base64url_decode(signature) == expected
    assert parts_of(forged).header == {**parts_of(token).header, "alg": "HS256"}


def test_other_key_signs_under_another_name(token, public):
    forged = signed_by_another_key(token, public)
    header = parts_of(forged).header
    assert header.pop("kid") != parts_of(token).header["kid"]
    assert header["alg"] == "RS256"
    assert parts_of(forged).claims == parts_of(token).claims
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged, public, algorithms=["RS256"], audience="orders-service")


def test_tampered_token_keeps_header_and_signature(token, public):
    forged, genuine = parts_of(tampered(token, public)), parts_of(token)
    assert (forged.header, forged.signature) == (genuine.header, genuine.signature)
    longer = genuine.claims["exp"] + YEAR_SECONDS
    assert forged.claims == {
        **genuine.claims,
        "exp": longer,
        "roles": [*genuine.claims.get("roles", []), "owner"],
    }
