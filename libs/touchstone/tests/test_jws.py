"""The compact serialization, for tokens of other types."""

import json
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from touchstone import errors
from touchstone.jws import check_signature, read_object, split, verified_claims

TYPES = ("JWT", "application/jwt")


@pytest.fixture
def read(signer):
    """`read(token)`: its claims, verified with the signer's key if the header names it."""

    def key(header):
        return signer.key.public_key() if header.get("kid") == signer.kid else None

    return lambda token, **options: verified_claims(token, TYPES, key, **options)


def test_claims_are_returned_as_signed(signer, read):
    claims = {"iss": "another", "exp": 1, "aud": ["a", {"b": None}]}
    token = signer.sign(json.dumps(signer.header(typ="JWT")).encode(), json.dumps(claims).encode())

    assert read(token) == claims
    assert read_object(split(token)[1]) == claims


def test_missing_typ_counts_as_untyped(signer, read):
    token = signer.token(header={"typ": signer.REMOVE})

    assert read(token, untyped="JWT") == signer.claims()
    with pytest.raises(errors.WrongType):
        read(token)


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({"typ": "at+jwt"}, errors.WrongType),
        ({"typ": None}, errors.WrongType),
        ({"alg": "RS512"}, errors.WrongAlgorithm),
        ({"alg": "none"}, errors.WrongAlgorithm),
        ({"crit": []}, errors.UnsupportedHeader),
        ({"kid": "another"}, errors.UnknownKey),
    ],
)
def test_invalid_header_is_refused(signer, read, header, error):
    with pytest.raises(error):
        read(signer.token(header={"typ": "JWT"} | header))


@pytest.mark.parametrize("change", ["{}==", "{}=", "{}\n", " {}", "{}.", ".{}", "{}.x", "{}\ud800", "{}\xe9"])
def test_other_serialization_is_malformed(signer, read, change):
    with pytest.raises(errors.MalformedToken):
        read(change.format(signer.token(header={"typ": "JWT"})))


def test_token_above_8_kib_is_malformed(signer, read):
    with pytest.raises(errors.MalformedToken):
        read(signer.token(header={"typ": "JWT"}, name="x" * 8192))


@pytest.mark.parametrize("header", [b"[]", b"{", b'{"alg":"RS256","alg":"RS256"}', b"{}" + b" " * 9, b"\xff"])
def test_header_without_strict_object_is_malformed(signer, read, header):
    with pytest.raises((errors.MalformedToken, errors.WrongAlgorithm)):
        read(signer.sign(header, b"{}"))


@pytest.mark.parametrize("payload", [b"[]", b'{"a":1,"a":1}', b'{"a":' * 9 + b"1" + b"}" * 9, b'{"a":NaN}'])
def test_payload_without_strict_object_is_malformed(signer, read, payload):
    with pytest.raises(errors.MalformedToken):
        read(signer.sign(json.dumps(signer.header(typ="JWT")).encode(), payload))


def test_signature_of_other_key_is_refused(signer, read):
    signed, _, signature = signer.token(header={"typ": "JWT"}).rpartition(".")
    other = "A" if signature[0] != "A" else "B"

    with pytest.raises(errors.BadSignature):
        read(f"{signed}.{other}{signature[1:]}")


SIGNED = b"what was signed"
DIGEST = sha256(SIGNED).digest()
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
NULL_LEFT_OUT = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20"
SHA512_NAMED = bytes.fromhex("3031300d060960864801650304020305000420")


def encoded(info, digest=DIGEST, *, begin=b"\0\1", filler=b"\xff", size=256):
    """Return the encoded message of a 2048-bit signature (RFC 8017 section 9.2)."""
    rest = b"\0" + info + digest
    return begin + filler * (size - len(begin) - len(rest)) + rest


def raw_signature(key, message):
    """Return the RSA signature of exactly these bytes."""
    numbers = key.private_numbers()
    number = pow(int.from_bytes(message, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(256, "big")


def test_signature_of_exact_encoding_is_accepted(signer):
    signature = raw_signature(signer.key, encoded(SHA256_INFO))
    assert signature == signer.key.sign(SIGNED, PKCS1v15(), SHA256())
    check_signature(signer.key.public_key(), signature, SIGNED)


OTHERS = {
    "no info": encoded(b""),
    "no NULL": encoded(NULL_LEFT_OUT),
    "SHA-512": encoded(SHA512_NAMED),
    "another digest": encoded(SHA256_INFO, sha256(b"another").digest()),
    "a byte less": encoded(SHA256_INFO, DIGEST[:-1]),
    "a byte more": encoded(SHA256_INFO, DIGEST + b"\0"),
    "type 2": encoded(SHA256_INFO, begin=b"\0\2"),
    "type 0": encoded(SHA256_INFO, begin=b"\0\0"),
    "a high first byte": encoded(SHA256_INFO, begin=b"\1\1"),
    "other filler": encoded(SHA256_INFO, filler=b"\xfe"),
    "more behind": encoded(SHA256_INFO, size=200).ljust(256, b"\0"),
    "less filler": encoded(SHA256_INFO, size=200).rjust(256, b"\0"),
}


@pytest.mark.parametrize("message", OTHERS.values(), ids=OTHERS.keys())
def test_signature_of_other_encoding_is_refused(signer, message):
    with pytest.raises(errors.BadSignature):
        check_signature(signer.key.public_key(), raw_signature(signer.key, message), SIGNED)


def test_signature_of_other_length_is_refused(signer):
    key, number = signer.key, 0
    while (signature := key.sign(str(number).encode(), PKCS1v15(), SHA256()))[0]:
        number += 1
    check_signature(key.public_key(), signature, str(number).encode())
    larger = (int.from_bytes(signature, "big") + key.public_key().public_numbers().n).to_bytes(257, "big")
    for other in (signature[1:], b"\0" + signature, larger, b""):
        with pytest.raises(errors.BadSignature):
            check_signature(key.public_key(), other, str(number).encode())
