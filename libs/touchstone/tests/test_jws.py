"""The compact form by itself, for tokens that are no access tokens."""

import json

import pytest
from touchstone import errors
from touchstone.jws import read_object, split, verified_claims

TYPES = ("JWT", "application/jwt")


@pytest.fixture
def read(mint):
    """`read(token)`: its claims, by the mint's key where the header names it."""

    def key(header):
        return mint.key.public_key() if header.get("kid") == mint.kid else None

    return lambda token, **options: verified_claims(token, TYPES, key, **options)


def test_the_claims_come_as_they_were_signed(mint, read):
    claims = {"iss": "someone", "exp": 1, "aud": ["a", {"b": None}]}
    token = mint.sign(json.dumps(mint.header(typ="JWT")).encode(), json.dumps(claims).encode())

    assert read(token) == claims
    assert read_object(split(token)[1]) == claims


def test_a_token_without_a_type_is_of_the_type_that_is_said(mint, read):
    token = mint.token(header={"typ": mint.REMOVE})

    assert read(token, untyped="JWT") == mint.claims()
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
def test_a_header_that_is_not_as_it_must_be_is_refused(mint, read, header, error):
    with pytest.raises(error):
        read(mint.token(header={"typ": "JWT"} | header))


@pytest.mark.parametrize("change", ["{}==", "{}=", "{}\n", " {}", "{}.", ".{}", "{}.x", "{}\ud800", "{}\xe9"])
def test_a_token_in_another_form_is_malformed(mint, read, change):
    with pytest.raises(errors.MalformedToken):
        read(change.format(mint.token(header={"typ": "JWT"})))


def test_a_token_of_more_than_8_kib_is_malformed(mint, read):
    with pytest.raises(errors.MalformedToken):
        read(mint.token(header={"typ": "JWT"}, name="x" * 8192))


@pytest.mark.parametrize("header", [b"[]", b"{", b'{"alg":"RS256","alg":"RS256"}', b"{}" + b" " * 9, b"\xff"])
def test_a_header_that_is_no_strict_object_is_refused(mint, read, header):
    with pytest.raises((errors.MalformedToken, errors.WrongAlgorithm)):
        read(mint.sign(header, b"{}"))


@pytest.mark.parametrize("payload", [b"[]", b'{"a":1,"a":1}', b'{"a":' * 9 + b"1" + b"}" * 9, b'{"a":NaN}'])
def test_claims_that_are_no_strict_object_are_malformed(mint, read, payload):
    with pytest.raises(errors.MalformedToken):
        read(mint.sign(json.dumps(mint.header(typ="JWT")).encode(), payload))


def test_a_signature_of_another_key_is_refused(mint, read):
    signed, _, signature = mint.token(header={"typ": "JWT"}).rpartition(".")
    other = "A" if signature[0] != "A" else "B"

    with pytest.raises(errors.BadSignature):
        read(f"{signed}.{other}{signature[1:]}")
