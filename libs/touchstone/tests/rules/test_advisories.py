"""Published vulnerabilities of other JWT libraries, one test each; the identifier is in its docstring."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from touchstone import KeySet, TokenError, Verifier, errors


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(signer, **header):
    return ".".join(b64(json.dumps(part).encode()) for part in (signer.header(**header), signer.claims()))


@pytest.mark.parametrize("encoding", ["PEM", "stripped PEM", "DER", "n"])
def test_public_key_as_hmac_secret_is_refused(verifier, signer, encoding):
    """CVE-2015-9235 (jsonwebtoken), CVE-2016-10555 (jwt-simple), CVE-2022-29217 (PyJWT), CVE-2024-33663 (python-jose)."""
    public = signer.key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = {
        "PEM": pem,
        "stripped PEM": pem.strip(),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "n": str(signer.jwk()["n"]).encode(),
    }[encoding]
    signed = unsigned(signer, alg="HS256")
    forged = f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
    with pytest.raises(errors.WrongAlgorithm):
        verifier.verify(forged)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", ["", "AA"])
def test_unsigned_token_is_refused(verifier, signer, alg, signature):
    """CVE-2022-23540 (jsonwebtoken: defaults to `none`), CVE-2020-28042 (a null signature accepted)."""
    with pytest.raises(TokenError):
        verifier.verify(f"{unsigned(signer, alg=alg)}.{signature}")


def test_empty_signature_is_refused(verifier, signer):
    """CVE-2020-28042: a null signature accepted."""
    with pytest.raises(errors.MalformedToken):
        verifier.verify(f"{unsigned(signer)}.")


def test_embedded_key_verifies_nothing(verifier, other_signer):
    """CVE-2018-0114 (node-jose): the `jwk` of the header was trusted."""
    with pytest.raises(errors.BadSignature):
        verifier.verify(other_signer.token(header={"jwk": other_signer.jwk()}))


@pytest.mark.parametrize("crit", [["bork"], ["cnf"], ["b64"], [], None])
def test_unknown_critical_extension_is_refused(verifier, signer, crit):
    """CVE-2025-59420 (Authlib), CVE-2026-32597 (PyJWT): `crit` was ignored."""
    with pytest.raises(errors.UnsupportedHeader):
        verifier.verify(signer.token(header={"crit": crit, "bork": 1}))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_huge_part_is_refused_unread(verifier, signer, part):
    """CVE-2025-61920 (Authlib): parts of any size were decoded."""
    parts = signer.token().split(".")
    parts[part] = "A" * 4_000_000
    with pytest.raises(errors.MalformedToken):
        verifier.verify(".".join(parts))


@pytest.mark.parametrize("iss", ["https://", "issuer.example", "h", ""])
def test_partial_issuer_name_is_refused(verifier, signer, iss):
    """CVE-2024-53861 (PyJWT): a substring of the expected issuer was accepted."""
    with pytest.raises(errors.WrongIssuer):
        verifier.verify(signer.token(iss=iss))


@pytest.mark.parametrize("suffix", ["=", "==", "!!!!", "\n", " ", "=!", "AA"])
def test_other_spelling_is_refused(verifier, signer, suffix):
    """CVE-2026-102269 (PyJWT): the signature could be respelled, and revocation by raw token avoided."""
    token = signer.token()
    assert verifier.verify(token)
    with pytest.raises(TokenError):
        verifier.verify(token + suffix)


def test_unused_bits_must_be_zero(verifier, signer):
    """CVE-2026-102269 (PyJWT), the same through the unused bits of the last character."""
    token = signer.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in alphabet.replace(token[-1], ""):
        with pytest.raises(TokenError):
            verifier.verify(token[:-1] + other)


def test_malformed_key_leaves_other_keys(signer):
    """CVE-2026-102274 (PyJWT): one malformed RSA key in a JWK Set made the whole set unusable."""
    keys = KeySet.from_jwks(signer.jwks({"kty": "RSA", "kid": "bad", "n": "!", "e": "AQAB"}))
    assert list(keys) == ["key-1"]


def test_json_serialization_is_refused(verifier, signer):
    """CVE-2022-39227 (python-jwt): JSON around a compact token made two readers see two payloads."""
    header, payload, signature = signer.token().split(".")
    forged = b64(json.dumps(signer.claims(sub="admin")).encode())
    mixed = json.dumps({f"  {header}.": "", f'{forged}."': "", "payload": payload, "signature": signature})
    for token in (mixed, f'{{"  {header}.{forged}.":"","protected":"{header}", "payload":"{payload}"}}'):
        with pytest.raises(errors.MalformedToken):
            verifier.verify(token)


def test_short_key_is_refused(policy, signer):
    """CVE-2022-23539 (jsonwebtoken): keys unfit for the algorithm were used."""
    weak = type(signer)(generate_private_key(65537, 1024))
    keys = KeySet.from_jwks(weak.jwks())
    with pytest.raises(errors.UnknownKey):
        Verifier(policy, lambda: keys).verify(weak.token())
