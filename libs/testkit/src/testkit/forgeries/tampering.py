"""Forgeries made from one genuine token and its issuer's public keys, without a private key."""

import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from testkit.keys import ALPHABET, b64

_STEP = 23  # every 23rd character of a token is changed
_TAILS = (*"=.A~+/\\#?*", "==", "===", "..", "AAAA", ".e30", "%3D", "%00", "%20")
_ALGS: tuple[object, ...] = (
    *("none", "None", "NONE", "nOnE", "HS256", "RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256"),
    *("", "RS256 ", None, 256, ["RS256"], {"alg": "RS256"}, True),
)
_TYPES = ("JWT", "jwt", "dpop+jwt", "statuslist+jwt", "id+jwt", "at+jwt ", "", None, 1, ["at+jwt"])
_KIDS: tuple[object, ...] = (
    *("../../../dev/null", "' OR 1=1 --", "x" * 2000, "\u0000", "file:///etc/passwd"),
    *("", None, 0, [], {}),
)


def tampered(token: str, jwks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (sentence, token) for changes of `token`, which must be genuine and signed by the first key of `jwks`."""
    head, body, signature = token.split(".")
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    yield from _changed(token)
    yield from _rearranged(head, body, signature)
    for name, value in _promotions(claims):
        yield f"claims changed: {name}", f"{head}.{_part({**claims, name: value})}.{signature}"
    for name, members in _headers(jwks):
        yield f"header changed: {name}", f"{_part({**header, **members})}.{body}.{signature}"
    for name in header:
        rest = {k: v for k, v in header.items() if k != name}
        yield f"header without {name}", f"{_part(rest)}.{body}.{signature}"
    yield from _key_confusion(header, claims, jwks)


def _part(value: object) -> str:
    return b64(json.dumps(value).encode())


def _changed(token: str) -> Iterator[tuple[str, str]]:
    for i in range(0, len(token), _STEP):
        swapped = "A" if token[i] != "A" else "B"
        yield f"character {i} changed", token[:i] + swapped + token[i + 1 :]
        yield f"character {i} left out", token[:i] + token[i + 1 :]
        yield f"character {i} twice", token[: i + 1] + token[i:]
        yield f"cut at {i}", token[:i] or "x"
    yield "another spelling of the same signature", token[:-1] + ALPHABET[ALPHABET.index(token[-1]) ^ 1]
    for tail in _TAILS:
        yield f"{tail!r} behind", token + tail
        yield f"{tail!r} before", tail + token
    yield "upper case", token.upper()
    yield "lower case", token.lower()
    yield "in reverse", token[::-1]
    yield "base64 of the token", base64.urlsafe_b64encode(token.encode()).decode()
    yield "standard base64", token.replace("-", "+").replace("_", "/") + "="


def _rearranged(head: str, body: str, signature: str) -> Iterator[tuple[str, str]]:
    for name, parts in {
        "no signature": (head, body, ""),
        "no dot, no signature": (head, body),
        "no payload": (head, "", signature),
        "no header": ("", body, signature),
        "payload only": (body,),
        "signature twice": (head, body, signature, signature),
        "header twice": (head, head, signature),
        "payload twice": (body, body, signature),
        "parts in reverse": (signature, body, head),
        "a JWE's five parts": (head, body, signature, body, signature),
        "padded parts": (head + "=", body + "=", signature + "="),
        "zero signature": (head, body, "A" * len(signature)),
        "a very long signature": (head, body, signature * 30),
        "a very long payload": (head, body * 20, signature),
        "only dots": ("", "", ""),
    }.items():
        yield name, ".".join(parts)


def _promotions(claims: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from {
        "sub": "another",
        "exp": claims["exp"] + 86400,
        "iat": claims["iat"] - 1,
        "nbf": 0,
        "iss": claims["iss"] + "/",
        "aud": [claims["aud"], "one-more"],
        "jti": "another",
        "sid": "another",
        "roles": ["admin"],
        "scope": "admin users:read",
        "act": {"sub": "orders-service"},
        "client_id": "orders-service",
        "extra": 1,
    }.items()


def _headers(jwks: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for member, values in {"alg": _ALGS, "typ": _TYPES, "kid": _KIDS}.items():
        for value in values:
            yield f"{member} {str(value)[:20]!r}", {member: value}
    yield from {
        "jwk": {"jwk": jwks["keys"][0]},
        "jku": {"jku": "http://127.0.0.1:9/jwks.json"},
        "x5u": {"x5u": "http://127.0.0.1:9/cert.pem"},
        "x5c": {"x5c": ["MIIB"]},
        "crit": {"crit": ["exp"]},
        "crit empty": {"crit": []},
        "b64": {"b64": False, "crit": ["b64"]},
        "zip": {"zip": "DEF"},
        "a member without meaning here": {"cty": "JWT"},
    }.items()


def _key_confusion(
    header: Mapping[str, Any], claims: Mapping[str, Any], jwks: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Use the public key as an HMAC secret, in every form in which a careless verifier might load it."""
    jwk = jwks["keys"][0]
    public = jwt.PyJWK(jwk).key
    spki, pkcs1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1
    pem = public.public_bytes(Encoding.PEM, spki)
    secrets = {
        "PEM": pem,
        "PEM stripped": pem.strip(),
        "DER": public.public_bytes(Encoding.DER, spki),
        "PKCS 1 PEM": public.public_bytes(Encoding.PEM, pkcs1),
        "PKCS 1 DER": public.public_bytes(Encoding.DER, pkcs1),
        "JWK": json.dumps(jwk).encode(),
        "modulus": jwk["n"].encode(),
        "kid": header["kid"].encode(),
        "nothing": b"",
    }
    for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), ("RS256", "sha256")):
        for name, secret in secrets.items():
            signed = f"{_part({**header, 'alg': alg})}.{_part(claims)}"
            mac = hmac.digest(secret, signed.encode(), digest)
            yield f"{alg} keyed with the public key as {name}", f"{signed}.{b64(mac)}"
