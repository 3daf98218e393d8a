"""Which keys of a JWK Set are accepted, and why others are refused."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from touchstone import KeySet


def b64(number):
    return (
        base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
    )


@pytest.fixture
def refusal(signer):
    """`refusal(**members)`: the refusal of a changed key beside a valid one, or None."""

    def publish(**overrides):
        keys = KeySet.from_jwks(signer.jwks(signer.jwk(**{"kid": "altered", **overrides})))
        assert "key-1" in keys
        assert ("altered" in keys) == (not keys.refused)
        return keys.refused[0] if keys.refused else None

    return publish


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"use": "sig"},
        {"alg": "RS256"},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"x5t": "ignored"},
    ],
    ids=str,
)
def test_fit_key_is_accepted(refusal, members):
    assert refusal(**members) is None


def test_use_alg_and_key_ops_may_be_absent(refusal, signer):
    assert refusal(use=signer.REMOVE, alg=signer.REMOVE) is None


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"kty": "EC"}, "kty is not RSA"),
        ({"kty": None}, "kty is not RSA"),
        ({"use": "enc"}, "use is not sig"),
        ({"use": None}, "use is not sig"),
        ({"use": ["sig"]}, "use is not sig"),
        ({"alg": "RS512"}, "alg is not RS256"),
        ({"alg": "RSA-OAEP"}, "alg is not RS256"),
        ({"alg": None}, "alg is not RS256"),
        ({"key_ops": ["encrypt"]}, "key_ops lacks verify"),
        ({"key_ops": []}, "key_ops lacks verify"),
        ({"key_ops": "verify"}, "key_ops lacks verify"),
        ({"key_ops": None}, "key_ops lacks verify"),
        ({"e": "Aw"}, "e is not 65537"),
        ({"e": "AQ"}, "e is not 65537"),
        ({"e": 65537}, "n or e is missing"),
        ({"e": None}, "n or e is missing"),
        ({"n": None}, "n or e is missing"),
        ({"n": ""}, "n or e is not base64url"),
        ({"n": "!!!!"}, "n or e is not base64url"),
        ({"n": "é"}, "n or e is not base64url"),
        ({"e": "AQAB="}, "n or e is not base64url"),
        ({"d": "AQAB"}, "a private key is published"),
        ({"k": "AQAB"}, "a private key is published"),
    ],
    ids=str,
)
def test_unfit_key_is_refused_with_reason(refusal, members, reason):
    assert refusal(**members) == ("altered", reason)


@pytest.mark.parametrize("kid", ["", "a\nb", "x" * 256])
def test_kid_must_be_printable(refusal, kid):
    assert refusal(kid=kid) == (kid, "kid is missing or malformed")


@pytest.mark.parametrize("kid", [None, 1, ["altered"]])
def test_kid_must_be_string(refusal, kid):
    assert refusal(kid=kid) == (None, "kid is missing or malformed")


@pytest.mark.parametrize("bits", [1024, 2040])
def test_key_below_2048_bits_is_refused(refusal, bits):
    n = generate_private_key(65537, bits).public_key().public_numbers().n
    assert refusal(n=b64(n)) == ("altered", "modulus is not 2048 to 8192 bits long")


def test_key_above_8192_bits_is_refused(refusal):
    assert refusal(n=b64(1 << 8192 | 1)) == ("altered", "modulus is not 2048 to 8192 bits long")


def test_even_modulus_is_refused(refusal):
    assert refusal(n=b64(1 << 2047)) == ("altered", "modulus is even")


def test_longer_key_is_accepted(refusal):
    n = generate_private_key(65537, 3072).public_key().public_numbers().n
    assert refusal(n=b64(n)) is None


@pytest.mark.parametrize("entry", [None, 1, "key", [], {}])
def test_other_entries_are_refused_singly(signer, entry):
    keys = KeySet.from_jwks(signer.jwks(entry))
    assert list(keys) == ["key-1"]
    assert len(keys.refused) == 1


def test_repeated_kid_is_refused(signer, other_signer):
    keys = KeySet.from_jwks(signer.jwks(other_signer.jwk(), other_signer.jwk(kid="key-2")))
    assert list(keys) == ["key-2"]
    assert keys.refused == (("key-1", "kid is not unique"),)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":null}',
        b'{"keys":[],"keys":[]}',
        b"<html>",
        b"\xff",
        "null",
    ],
)
def test_other_document_raises_value_error(document):
    with pytest.raises(ValueError, match=r"."):
        KeySet.from_jwks(document)


def test_empty_set_is_accepted():
    assert len(KeySet.from_jwks(b'{"keys":[]}')) == 0


def test_text_and_bytes_are_accepted(signer):
    assert "key-1" in KeySet.from_jwks(signer.jwks().decode())


def test_repr_shows_only_kids(keys):
    assert repr(keys) == "KeySet(key-1)"


def test_sets_of_equal_keys_are_equal(signer, other_signer, keys):
    assert KeySet.from_jwks(signer.jwks()) == keys
    assert KeySet.from_jwks(other_signer.jwks()) != keys
    assert keys != json.loads(signer.jwks())
