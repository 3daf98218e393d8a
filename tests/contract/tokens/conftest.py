"""The forger: what can be made from outside, from a genuine token, and with the issuer's own key."""

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from testkit.forgeries import forgeries, good_tokens
from testkit.mint import Mint

# What a header line can carry without becoming something else.
SENDABLE = re.compile(r"[!-~\xa1-\xff](?:[ -~\xa0-\xff]*[!-~\xa1-\xff])?")


def sendable(found: Mapping[str, str]) -> dict[str, str]:
    """Leave out what no header line can carry."""
    return {name: token for name, token in found.items() if SENDABLE.fullmatch(token)}


@pytest.fixture(scope="session")
def lookalikes(alice, claims_of) -> Callable[[str], dict[str, str]]:
    """Forgeries from outside: everything is the issuer's own but the key, which merely bears its name."""
    mint = Mint(issuer=claims_of(alice.token)["iss"], kid=jwt.get_unverified_header(alice.token)["kid"])
    return cache(lambda audience: sendable({f.name: f.token for f in forgeries(mint, audience=audience)}))


@pytest.fixture(scope="session")
def true_mint(cluster, alice, claims_of) -> Mint:
    """Signs with the issuer's own key, which only somebody on its machine can."""
    if not hasattr(cluster, "keys_dir"):
        pytest.skip("the given cluster keeps its keys to itself")
    kid = jwt.get_unverified_header(alice.token)["kid"]
    (path,) = Path(cluster.keys_dir, "signing").glob(f"*-{kid}.pem")
    return Mint(
        issuer=claims_of(alice.token)["iss"], kid=kid, key=load_pem_private_key(path.read_bytes(), None)
    )


@pytest.fixture(scope="session")
def inside_jobs(true_mint) -> Callable[[str], dict[str, str]]:
    """Tokens with the issuer's true signature that break one of the other rules; made anew, for some ripen."""
    return lambda audience: sendable({f.name: f.token for f in forgeries(true_mint, audience=audience)})


@pytest.fixture(scope="session")
def unusual(true_mint) -> Callable[[str], dict[str, str]]:
    """Tokens with the issuer's true signature at the very edge of the rules, and on the right side of it."""
    return lambda audience: dict(good_tokens(true_mint, audience))


@pytest.fixture(scope="session")
def borrowed(gateway, alice) -> Callable[[str], dict[str, str]]:
    """What can be made of one genuine token and the public JWKS without any private key."""
    keys = gateway("GET", "/.well-known/jwks.json").json()
    return lambda audience: sendable(dict(_borrowings(alice.token, keys)))


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _borrowings(token: str, keys: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    head, body, signature = token.split(".")
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    yield from _cuts(token)
    for name, value in _promotions(claims):
        yield f"claims changed: {name}", f"{head}.{_part({**claims, name: value})}.{signature}"
    for name, value in _header_tricks(keys):
        yield f"header changed: {name}", f"{_part({**header, **value})}.{body}.{signature}"
    for name in header:
        yield (
            f"header without {name}",
            f"{_part({k: v for k, v in header.items() if k != name})}.{body}.{signature}",
        )
    yield from _key_confusion(header, claims, keys)


def _cuts(token: str) -> Iterator[tuple[str, str]]:
    head, body, signature = token.split(".")
    for i in range(0, len(token), 23):
        swapped = "A" if token[i] != "A" else "B"
        yield f"character {i} changed", token[:i] + swapped + token[i + 1 :]
        yield f"character {i} left out", token[:i] + token[i + 1 :]
        yield f"character {i} twice", token[: i + 1] + token[i:]
        yield f"cut at {i}", token[:i] or "x"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(signature[-1])
    yield "another spelling of the same signature", token[:-1] + alphabet[place ^ 1]
    for tail in (
        "=",
        "==",
        "===",
        ".",
        "..",
        "A",
        "AAAA",
        ".e30",
        "%3D",
        "%00",
        "~",
        "+",
        "/",
        "\\",
        "#",
        "?",
        "*",
        "%20",
    ):
        yield f"{tail!r} behind", token + tail
        yield f"{tail!r} before", tail + token
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
        "only dots": ("", "", ""),
    }.items():
        yield name, ".".join(parts)
    yield "upper case", token.upper()
    yield "lower case", token.lower()
    yield "in reverse", token[::-1]
    yield "base64 of the token", base64.urlsafe_b64encode(token.encode()).decode()
    yield "a very long signature", f"{head}.{body}.{signature * 30}"
    yield "a very long payload", f"{head}.{body * 20}.{signature}"
    yield "standard base64", token.replace("-", "+").replace("_", "/") + "="


def _promotions(claims: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    later = claims["exp"] + 86400
    yield from {
        "sub": "somebody-else",
        "exp": later,
        "roles": ["admin"],
        "scope": "admin users:read",
        "sid": "x",
    }.items()
    yield from {
        "jti": "another",
        "iat": claims["iat"] - 1,
        "aud": "users-service",
        "act": {"sub": "orders-service"},
    }.items()
    yield from {"extra": 1, "nbf": 0, "iss": claims["iss"] + "/", "client_id": "orders-service"}.items()


def _header_tricks(keys: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for alg in (
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "RS384",
        "RS512",
        "PS256",
        "ES256",
        "EdDSA",
        "rs256",
        "RS256 ",
    ):
        yield f"alg {alg!r}", {"alg": alg}
    for alg in (None, 256, ["RS256"], {"alg": "RS256"}, True):
        yield f"alg {alg!r}", {"alg": alg}
    for typ in ("JWT", "jwt", "dpop+jwt", "statuslist+jwt", "id+jwt", "at+jwt ", "", None, 1, ["at+jwt"]):
        yield f"typ {typ!r}", {"typ": typ}
    for kid in (
        "",
        "../../../dev/null",
        "' OR 1=1 --",
        "x" * 2000,
        None,
        0,
        [],
        {},
        "\u0000",
        "file:///etc/passwd",
    ):
        yield f"kid {str(kid)[:20]!r}", {"kid": kid}
    jwk = keys["keys"][0]
    yield from {
        "jwk": {"jwk": jwk},
        "jku": {"jku": "http://127.0.0.1:9/jwks.json"},
        "x5u": {"x5u": "http://127.0.0.1:9/cert.pem"},
        "x5c": {"x5c": ["MIIB"]},
        "crit": {"crit": ["exp"]},
        "crit empty": {"crit": []},
        "b64": {"b64": False, "crit": ["b64"]},
        "zip": {"zip": "DEF"},
        "an extra member": {"cty": "JWT"},
    }.items()


def _key_confusion(
    header: Mapping[str, Any], claims: Mapping[str, Any], keys: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The public key taken for an HMAC secret, in every form that a careless verifier might load it in."""
    public = jwt.PyJWK(keys["keys"][0]).key
    spki, pkcs1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1
    forms = {
        "PEM": public.public_bytes(Encoding.PEM, spki),
        "DER": public.public_bytes(Encoding.DER, spki),
        "PKCS 1 PEM": public.public_bytes(Encoding.PEM, pkcs1),
        "PKCS 1 DER": public.public_bytes(Encoding.DER, pkcs1),
    }
    forms["PEM stripped"] = forms["PEM"].strip()
    forms["JWK"] = json.dumps(keys["keys"][0]).encode()
    forms["modulus"] = keys["keys"][0]["n"].encode()
    forms["kid"] = header["kid"].encode()
    forms["nothing"] = b""
    for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), ("RS256", "sha256")):
        for name, secret in forms.items():
            signed = f"{_part({**header, 'alg': alg})}.{_part(claims)}"
            mac = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), digest)).rstrip(b"=").decode()
            yield f"{alg} keyed with the public key as {name}", f"{signed}.{mac}"


@pytest.fixture
def started_at(cluster, door) -> Callable[[str], str | None]:
    """`started_at(service)`: when the process began, from its own metrics; None where nobody may look."""

    def look(service: str) -> str | None:
        if service not in cluster.urls:
            return None
        metrics = door(cluster.urls[service])("GET", "/metrics").text
        return next(line for line in metrics.splitlines() if line.startswith("process_start_time_seconds"))

    return look
