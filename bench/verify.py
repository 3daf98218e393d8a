"""The cost of verifying one token in a loop: touchstone and other libraries, in multiples of the bare RSA operation.

All verify the same tokens, new ones in the cold case, in short alternating runs, so that other load on the machine affects
all equally. The figure is the median CPU time over the quieter half of the rounds (those in which the bare RSA operation was
fastest), as other load slows memory more than arithmetic. The figure over all rounds is printed beside it.
"""

from __future__ import annotations

import argparse
import base64
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import jwt
from authlib.deprecate import AuthlibDeprecationWarning
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jose import jwt as python_jose
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import RSAKey
from report import Promise, table
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.status_list import LIST_TYPE, FakeStatusList, list_path
from testkit.token_signer import TokenSigner
from touchstone import Issuer, KeySet, Policy, Verifier
from touchstone.msgspec_support import CODECS

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # measured because it is in use
    from authlib.jose import JsonWebToken

ISSUER, AUDIENCE = "http://localhost:8080", "orders-service"
REQUIRED = ["iss", "aud", "exp", "iat", "sub", "jti"]
BARE, COLD, PYJWT = "bare RSA-2048", "touchstone, cold", "PyJWT decode"
CACHED, CHECKED = "touchstone, cached", "touchstone, cached, status checked"

Contender = Callable[[list[str]], float]


def timed(verify: Callable[[str], object], tokens: list[str]) -> float:
    """Return the seconds that `verify` takes for all tokens."""
    begin = time.thread_time()
    for token in tokens:
        verify(token)
    return time.thread_time() - begin


def bare_rsa(public: RSAPublicKey) -> Contender:
    """Only `public_key.verify`, on decoded signatures."""
    padding, digest = PKCS1v15(), SHA256()

    def run(tokens: list[str]) -> float:
        parts = [token.rpartition(".") for token in tokens]
        pairs = [
            (base64.urlsafe_b64decode(signature + "=="), signed.encode()) for signed, _, signature in parts
        ]
        begin = time.thread_time()
        for signature, signed in pairs:
            public.verify(signature, signed, padding, digest)
        return time.thread_time() - begin

    return run


def touchstone_cold(document: bytes) -> Contender:
    """Verify new tokens: nothing is cached, and adding to the cache is part of the cost."""
    keys = KeySet.from_jwks(document)
    policy = Policy(ISSUER, AUDIENCE)
    return lambda tokens: timed(Verifier(policy, lambda: keys).verify, tokens)


def touchstone_cached(issuer: Issuer) -> Contender:
    """Verify each token for the second time, as a new string, as in requests; keys are followed."""

    def run(tokens: list[str]) -> float:
        for token in tokens:
            issuer.verify(token)
        return timed(issuer.verify, [token.encode().decode() for token in tokens])

    return run


def touchstone_checked(issuer: Issuer, tokens: list[str]) -> Contender:
    """Verify tokens with a status in a list of 2^20 again, as auth-service issues them; the list is followed."""
    run = touchstone_cached(issuer)
    return lambda _tokens: run(tokens)


def pyjwt(key: object) -> Callable[[str], object]:
    """PyJWT with a key object and our required claims."""
    options = {"require": REQUIRED}
    return lambda token: jwt.decode(
        token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, leeway=30, options=options
    )


def pyjwk_client(url: str) -> Callable[[str], object]:
    """PyJWT with its own client for published keys, with the default caches."""
    client = jwt.PyJWKClient(url)
    return lambda token: pyjwt(client.get_signing_key_from_jwt(token))(token)


def joserfc(jwk: dict[str, str]) -> Callable[[str], object]:
    """Joserfc with its claims registry."""
    key = RSAKey.import_key(jwk)
    registry = joserfc_jwt.JWTClaimsRegistry(
        leeway=30,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        **{name: {"essential": True} for name in REQUIRED[2:]},
    )

    def verify(token: str) -> None:
        registry.validate(joserfc_jwt.decode(token, key, algorithms=["RS256"]).claims)

    return verify


def authlib(pem: bytes) -> Callable[[str], object]:
    """Authlib's older module, with claims options."""
    decoder = JsonWebToken(["RS256"])
    options = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": AUDIENCE}}
    return lambda token: decoder.decode(token, pem, claims_options=options).validate(leeway=30)


def jose(jwk: dict[str, str]) -> Callable[[str], object]:
    """python-jose with a JWK."""
    return lambda token: python_jose.decode(
        token, jwk, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER
    )


def contenders(
    signer: TokenSigner, published: FakeIssuer, issuer: Issuer, listed: list[str]
) -> dict[str, Contender]:
    """Return all contenders by name; each takes tokens and returns seconds. `listed` are tokens with a status."""
    public = signer.key.public_key()
    jwk = signer.jwks()["keys"][0]
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    others = {
        PYJWT: pyjwt(public),
        "PyJWKClient": pyjwk_client(published.url + JWKS_PATH),
        "joserfc": joserfc(jwk),
        "authlib.jose": authlib(pem),
        "python-jose": jose(jwk),
    }
    return {
        BARE: bare_rsa(public),
        COLD: touchstone_cold(json.dumps(signer.jwks()).encode()),
        CACHED: touchstone_cached(issuer),
        CHECKED: touchstone_checked(issuer, listed),
        **{name: (lambda tokens, verify=verify: timed(verify, tokens)) for name, verify in others.items()},
    }


def measure(competing: dict[str, Contender], tokens: list[str], rounds: int) -> dict[str, list[float]]:
    """Return the microseconds per token of each contender in each round."""
    seen: dict[str, list[float]] = {name: [] for name in competing}
    for number in range(-1, rounds):  # the first round only warms up
        for name, run in competing.items():
            spent = run(tokens) / len(tokens) * 1e6
            if number >= 0:
                seen[name].append(spent)
        if number % 10 == 9:
            print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return seen


def main() -> int:
    """Measure, print, and return 0 only if the promises hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="interleaved rounds (default 40)")
    parser.add_argument("--tokens", type=int, default=200, help="tokens per run (default 200)")
    parser.add_argument("--quick", action="store_true", help="10 rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 10

    print("signing tokens", file=sys.stderr, flush=True)
    signer = TokenSigner(ISSUER, audience=AUDIENCE)
    expires = int(time.time()) + 3600
    tokens = [signer.sign(signer.claims(exp=expires)) for _ in range(options.tokens)]
    entries = FakeStatusList(signer)
    places = [{"idx": index * 5003, "uri": entries.uri} for index in range(options.tokens)]
    listed = [signer.sign(signer.claims(exp=expires, status={"status_list": place})) for place in places]
    with FakeIssuer(signer.jwks(), signer=signer) as published:
        published.publish(list_path(), entries.token(), LIST_TYPE)
        issuer = Issuer(ISSUER, audience=AUDIENCE, backchannel=published.url)
        seen = measure(contenders(signer, published, issuer, listed), tokens, options.rounds)
        issuer.close()

    quiet = sorted(range(options.rounds), key=seen[BARE].__getitem__)[: (options.rounds + 1) // 2]

    def ratio(name: str, to: str, rounds: Iterable[int] = quiet) -> float:
        return statistics.median(seen[name][number] / seen[to][number] for number in rounds)

    rows = [
        [
            name,
            statistics.median(spent[number] for number in quiet),
            ratio(name, BARE),
            ratio(name, BARE, range(options.rounds)),
        ]
        for name, spent in seen.items()
    ]
    print(f"one token of {len(tokens[0])} characters, {len(signer.claims())} claims;", end=" ")
    print(f"touchstone {'with' if CODECS else 'without'} msgspec, Python {platform.python_version()}")
    print(table(rows, ["verifier", "µs", "times bare RSA", "in all rounds"]))
    promises = [
        Promise("cold verification, times bare RSA", ratio(COLD, BARE), 1.6, "<="),
        Promise("PyJWT's decode, times cold verification", ratio(PYJWT, COLD), 2.2, ">="),
        Promise("cached verification with status, times bare RSA", ratio(CHECKED, BARE), 0.05, "<="),
    ]
    difference = statistics.median(seen[CHECKED][number] - seen[CACHED][number] for number in quiet)
    print(f"the status check adds {difference:.3f} µs to a request")
    print(*promises, sep="\n")
    if options.json:
        figures = {
            str(row[0]): dict(zip(("us", "ratio", "ratio_all_rounds"), row[1:], strict=True)) for row in rows
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if all(promise.holds for promise in promises) else 1


if __name__ == "__main__":
    raise SystemExit(main())
