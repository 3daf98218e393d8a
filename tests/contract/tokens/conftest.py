"""The forger: what can be made from outside, from a genuine token, and with the issuer's own key."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testkit.forgeries import forgeries, good_tokens
from testkit.forgeries.borrowed import borrowed as borrowings
from testkit.mint import Mint

# What a header line can carry without becoming something else.
SENDABLE = re.compile(r"[!-~\xa1-\xff](?:[ -~\xa0-\xff]*[!-~\xa1-\xff])?")


def sendable(found: Mapping[str, str]) -> dict[str, str]:
    """Leave out what no header line can carry."""
    return {name: token for name, token in found.items() if SENDABLE.fullmatch(token)}


@pytest.fixture(scope="package")
def lookalikes(alice, claims_of) -> Callable[[str], dict[str, str]]:
    """Forgeries from outside: everything is the issuer's own but the key, which merely bears its name."""
    mint = Mint(issuer=claims_of(alice.token)["iss"], kid=jwt.get_unverified_header(alice.token)["kid"])
    return cache(lambda audience: sendable({f.name: f.token for f in forgeries(mint, audience=audience)}))


@pytest.fixture(scope="package")
def true_mint(cluster, alice, claims_of) -> Mint:
    """Signs with the issuer's own key, which only somebody on its machine can."""
    if not hasattr(cluster, "keys_dir"):
        pytest.skip("the given cluster keeps its keys to itself")
    kid = jwt.get_unverified_header(alice.token)["kid"]
    (path,) = Path(cluster.keys_dir, "signing").glob(f"*-{kid}.pem")
    return Mint(
        issuer=claims_of(alice.token)["iss"], kid=kid, key=load_pem_private_key(path.read_bytes(), None)
    )


@pytest.fixture(scope="package")
def inside_jobs(true_mint) -> Callable[[str], dict[str, str]]:
    """Tokens with the issuer's true signature that break one of the other rules; made anew, for some ripen."""
    return lambda audience: sendable({f.name: f.token for f in forgeries(true_mint, audience=audience)})


@pytest.fixture(scope="package")
def unusual(true_mint) -> Callable[[str], dict[str, str]]:
    """Tokens with the issuer's true signature at the very edge of the rules, and on the right side of it."""
    return lambda audience: dict(good_tokens(true_mint, audience))


@pytest.fixture(scope="package")
def borrowed(gateway, alice) -> Callable[[str], dict[str, str]]:
    """What can be made of one genuine token and the public JWKS without any private key."""
    keys = gateway("GET", "/.well-known/jwks.json").json()
    return lambda audience: sendable(dict(borrowings(alice.token, keys)))


@pytest.fixture
def started_at(cluster, door) -> Callable[[str], str | None]:
    """`started_at(service)`: when the process began, from its own metrics; None where nobody may look."""

    def look(service: str) -> str | None:
        if service not in cluster.urls:
            return None
        metrics = door(cluster.urls[service])("GET", "/metrics").text
        return next(line for line in metrics.splitlines() if line.startswith("process_start_time_seconds"))

    return look
