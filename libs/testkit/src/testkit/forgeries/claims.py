"""Forgeries of the claims, under an honest signature: who, for whom, from when, until when, what."""

import json
from collections.abc import Iterator
from typing import Any

from testkit.mint import MISSING, Mint

Forged = Iterator[tuple[str, str]]
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


def forge(mint: Mint) -> Forged:
    """Yield everything that can be wrong with a claim."""
    yield from _times(mint)
    yield from _issuers(mint)
    yield from _audiences(mint)
    for claim in ("sub", "jti"):
        for value in (MISSING, *_IDENTIFIERS):
            yield _one(mint, claim, value)
    yield from _others(mint)
    yield "the claims of an ID token", mint.sign(_id_token(mint), header={"typ": "JWT"})
    yield "nothing but the registered claims' names", mint.sign(dict.fromkeys(mint.claims()))


def _one(mint: Mint, claim: str, value: Any) -> tuple[str, str]:
    shown = "missing" if value is MISSING else json.dumps(value)[:60]
    if isinstance(value, str) and len(value) > 60:
        shown = f"{len(value)} characters long"
    return f"{claim} is {shown}", mint.sign(mint.claims(**{claim: value}))


def _times(mint: Mint) -> Forged:
    now = int(mint.now())
    ten_years = 11 * 366 * 24 * 3600
    for value in (MISSING, *_NOT_NUMBERS, *_NO_TIMES):
        yield _one(mint, "exp", value)
    for value in (MISSING, *_NOT_NUMBERS, *_NO_TIMES):
        yield _one(mint, "iat", value)
    for value in (*_NOT_NUMBERS, *_NO_TIMES):
        yield _one(mint, "nbf", value)
    for name, seconds in {"31 s": 31, "a minute": 60, "an hour": 3600, "a year": 31_536_000}.items():
        yield f"expired {name} ago", mint.sign(mint.claims(exp=now - seconds, iat=now - seconds - 300))
    yield "expired a minute ago, said as a fraction", mint.sign(mint.claims(exp=now - 60.5))
    for claim in ("exp", "iat", "nbf"):
        yield f"{claim} more than ten years ahead", mint.sign(mint.claims(**{claim: now + ten_years}))
        yield f"{claim} more than ten years ago", mint.sign(mint.claims(**{claim: now - ten_years}))
        yield f"{claim} in milliseconds", mint.sign(mint.claims(**{claim: now * 1000}))
    for claim in ("iat", "nbf"):
        for name, seconds in {"two minutes": 120, "an hour": 3600, "a day": 86_400}.items():
            yield (
                f"{claim} {name} ahead",
                mint.sign(mint.claims(**{claim: now + seconds, "exp": now + 90_000})),
            )


def _issuers(mint: Mint) -> Forged:
    ours = mint.issuer
    scheme, _, rest = ours.partition("://")
    others: tuple[Any, ...] = (
        MISSING,
        *_NOT_STRINGS,
        "",
        " ",
        ours + "/",
        ours + "//",
        ours + " ",
        " " + ours,
        ours + "\u0000",
        ours + "#",
        ours + "?",
        ours + "/.",
        ours + ".attacker.example",
        ours + "@attacker.example",
        ours + "0",
        ours[:-1],
        ours[1:],
        ours.upper(),
        f"{scheme.upper()}://{rest}",
        f"ftp://{rest}",
        f"{scheme}s://{rest}",
        f"{scheme}:/{rest}",
        f"{scheme}://user@{rest}",
        f"//{rest}",
        rest,
        "https://attacker.example",
        f"https://attacker.example/{ours}",
        [ours],
        [ours, "https://attacker.example"],
        {"iss": ours},
        {ours: True},
    )
    for value in others:
        yield _one(mint, "iss", value)


def _audiences(mint: Mint) -> Forged:
    ours = str(mint.audience)
    others: tuple[Any, ...] = (
        MISSING,
        *_NOT_STRINGS,
        "",
        " ",
        "*",
        ours + " ",
        " " + ours,
        ours + "\u0000",
        ours + "/",
        ours[:-1],
        ours[1:],
        ours + "s",
        ours.upper(),
        ours.title(),
        ours.replace("-", "_"),
        ours.replace("-", "\u2010"),
        f"{ours} another",
        f"another {ours}",
        f"{ours},another",
        f"https://{ours}",
        f"{mint.issuer}/{ours}",
        f"^{ours}$",
        ".*",
        [ours + " "],
        [ours.upper()],
        [f"{ours} another"],
        [[ours]],
        [[ours], "another"],
        [{"aud": ours}],
        [None],
        [ours, None],
        [None, ours],
        [ours, 1],
        [True, ours],
        [ours, [ours]],
        [list(ours)],
        {ours: True},
        {"aud": ours},
        mint.issuer,
        "cli",
    )
    for value in others:
        yield _one(mint, "aud", value)
    foreign = [service for service in _SERVICES if service != ours]
    for service in foreign:
        yield f"for {service} alone", mint.sign(mint.claims(aud=service))
    yield "a list of all the other services", mint.sign(mint.claims(aud=foreign))


def _others(mint: Mint) -> Forged:
    value: Any
    for value in ("", "a\u0000b", "x" * 256, None, 1, True, [], {}):
        yield _one(mint, "sid", value)
        yield _one(mint, "client_id", value)
    for value in (None, 1, True, {}, ["orders:read"], "orders:read\u0000admin", "orders:read\nadmin"):
        yield _one(mint, "scope", value)
    for value in (None, 1, True, {}, "admin", [1], [None], [["admin"]], {"admin": True}):
        yield _one(mint, "roles", value)
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
        yield _one(mint, "act", value)


def _id_token(mint: Mint) -> dict[str, Any]:
    return {**mint.claims(scope=MISSING, roles=MISSING, client_id=MISSING), "nonce": "n", "at_hash": "h"}
