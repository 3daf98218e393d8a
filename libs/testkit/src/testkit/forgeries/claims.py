"""Forgeries of the claims, under a genuine signature."""

import json
from typing import Any

from testkit.token_signer import MISSING, NamedTokens, TokenSigner

_SERVICES = ("auth-service", "users-service", "orders-service", "gateway")
_NOT_STRINGS: tuple[Any, ...] = (None, True, False, 0, 42, 1.5, [], {}, ["x"], {"x": "y"})
_NOT_NUMBERS: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "now",
    "9999999999",
    "9999999999.0",
    "1e10",
    "2099-01-01T00:00:00Z",
    [],
    {},
    [9999999999],
    {"exp": 9999999999},
)
_NO_TIMES = (float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), 10**18, -1, 0, 1, 1.0)
_IDENTIFIERS: tuple[Any, ...] = (
    "",
    "a\u0000b",
    "\u0000",
    "a\nb",
    "a\rb",
    "a\tb",
    "a\u007fb",
    "a\u0085b",
    "a\u2028b",
    "a\u2029b",
    "a\u202eb",
    "a\u2066b",
    "\ud800",
    "x" * 256,
    "x" * 1000,
    *_NOT_STRINGS,
)


def forge(signer: TokenSigner) -> NamedTokens:
    """Yield tokens with one wrong claim."""
    yield from _times(signer)
    yield from _issuers(signer)
    yield from _audiences(signer)
    for claim in ("sub", "jti"):
        for value in (MISSING, *_IDENTIFIERS):
            yield _one(signer, claim, value)
    yield from _others(signer)
    yield "the claims of an ID token", signer.sign(_id_token(signer), header={"typ": "JWT"})
    yield "nothing but the registered claims' names", signer.sign(dict.fromkeys(signer.claims()))


def _one(signer: TokenSigner, claim: str, value: Any) -> tuple[str, str]:
    shown = "missing" if value is MISSING else json.dumps(value)[:60]
    if isinstance(value, str) and len(value) > 60:
        shown = f"{len(value)} characters long"
    return f"{claim} is {shown}", signer.sign(signer.claims(**{claim: value}))


def _times(signer: TokenSigner) -> NamedTokens:
    now = int(signer.now())
    ten_years = 11 * 366 * 24 * 3600
    for claim in ("exp", "iat"):
        for value in (MISSING, *_NOT_NUMBERS, *_NO_TIMES):
            yield _one(signer, claim, value)
    for value in (*_NOT_NUMBERS, *_NO_TIMES):
        yield _one(signer, "nbf", value)
    for name, seconds in {"31 s": 31, "a minute": 60, "an hour": 3600, "a year": 31_536_000}.items():
        yield f"expired {name} ago", signer.sign(signer.claims(exp=now - seconds, iat=now - seconds - 300))
    yield "expired a minute ago, said as a fraction", signer.sign(signer.claims(exp=now - 60.5))
    for claim in ("exp", "iat", "nbf"):
        yield f"{claim} more than ten years ahead", signer.sign(signer.claims(**{claim: now + ten_years}))
        yield f"{claim} more than ten years ago", signer.sign(signer.claims(**{claim: now - ten_years}))
        yield f"{claim} in milliseconds", signer.sign(signer.claims(**{claim: now * 1000}))
    for claim in ("iat", "nbf"):
        for name, seconds in {"two minutes": 120, "an hour": 3600, "a day": 86_400}.items():
            claims = signer.claims(**{claim: now + seconds, "exp": now + 90_000})
            yield f"{claim} {name} ahead", signer.sign(claims)


def _issuers(signer: TokenSigner) -> NamedTokens:
    issuer = signer.issuer
    scheme, _, rest = issuer.partition("://")
    others: tuple[Any, ...] = (
        MISSING,
        *_NOT_STRINGS,
        "",
        " ",
        issuer + "/",
        issuer + "//",
        issuer + " ",
        " " + issuer,
        issuer + "\u0000",
        issuer + "#",
        issuer + "?",
        issuer + "/.",
        issuer + ".attacker.example",
        issuer + "@attacker.example",
        issuer + "0",
        issuer[:-1],
        issuer[1:],
        issuer.upper(),
        f"{scheme.upper()}://{rest}",
        f"ftp://{rest}",
        f"{scheme}s://{rest}",
        f"{scheme}:/{rest}",
        f"{scheme}://user@{rest}",
        f"//{rest}",
        rest,
        "https://attacker.example",
        f"https://attacker.example/{issuer}",
        [issuer],
        [issuer, "https://attacker.example"],
        {"iss": issuer},
        {issuer: True},
    )
    for value in others:
        yield _one(signer, "iss", value)


def _audiences(signer: TokenSigner) -> NamedTokens:
    audience = str(signer.audience)
    others: tuple[Any, ...] = (
        MISSING,
        *_NOT_STRINGS,
        "",
        " ",
        "*",
        audience + " ",
        " " + audience,
        audience + "\u0000",
        audience + "/",
        audience[:-1],
        audience[1:],
        audience + "s",
        audience.upper(),
        audience.title(),
        audience.replace("-", "_"),
        audience.replace("-", "\u2010"),
        f"{audience} another",
        f"another {audience}",
        f"{audience},another",
        f"https://{audience}",
        f"{signer.issuer}/{audience}",
        f"^{audience}$",
        ".*",
        [audience + " "],
        [audience.upper()],
        [f"{audience} another"],
        [[audience]],
        [[audience], "another"],
        [{"aud": audience}],
        [None],
        [audience, None],
        [None, audience],
        [audience, 1],
        [True, audience],
        [audience, [audience]],
        [list(audience)],
        {audience: True},
        {"aud": audience},
        signer.issuer,
        "cli",
    )
    for value in others:
        yield _one(signer, "aud", value)
    foreign = [service for service in _SERVICES if service != audience]
    for service in foreign:
        yield f"for {service} alone", signer.sign(signer.claims(aud=service))
    yield "a list of all the other services", signer.sign(signer.claims(aud=foreign))


def _others(signer: TokenSigner) -> NamedTokens:
    value: Any
    for value in ("", "a\u0000b", "x" * 256, None, 1, True, [], {}):
        yield _one(signer, "sid", value)
        yield _one(signer, "client_id", value)
    for value in (None, 1, True, {}, ["orders:read"], "orders:read\u0000admin", "orders:read\nadmin"):
        yield _one(signer, "scope", value)
    for value in (None, 1, True, {}, "admin", [1], [None], [["admin"]], {"admin": True}):
        yield _one(signer, "roles", value)
    for value in (
        None,
        "",
        "x",
        1,
        [],
        True,
        {},
        {"sub": ""},
        {"sub": 1},
        {"sub": "a", "act": "b"},
        {"act": {"sub": "a"}},
    ):
        yield _one(signer, "act", value)


def _id_token(signer: TokenSigner) -> dict[str, Any]:
    return {**signer.claims(scope=MISSING, roles=MISSING, client_id=MISSING), "nonce": "n", "at_hash": "h"}
