"""Forged tokens: made without a key, from a genuine token, and with the issuer's own key."""

import re
from collections.abc import Callable, Mapping
from functools import cache

import pytest
from testkit.forgeries import forgeries, valid_tokens
from testkit.forgeries.tampering import tampered
from testkit.token_signer import TokenSigner, claims_of, kid_of

# What a header line can carry unchanged.
SENDABLE = re.compile(r"[!-~\xa1-\xff](?:[ -~\xa0-\xff]*[!-~\xa1-\xff])?")


def sendable(tokens: Mapping[str, str]) -> dict[str, str]:
    """Return the tokens that a header line can carry."""
    return {name: token for name, token in tokens.items() if SENDABLE.fullmatch(token)}


@pytest.fixture(scope="package")
def lookalike_key(alice) -> Callable[[str], dict[str, str]]:
    """Forgeries with a key that is not the issuer's but bears its key ID."""
    signer = TokenSigner(issuer=claims_of(alice.token)["iss"], kid=kid_of(alice.token))
    return cache(lambda audience: sendable({f.name: f.token for f in forgeries(signer, audience=audience)}))


@pytest.fixture(scope="package")
def issuer_signer(cluster, alice) -> TokenSigner:
    """Signs with the issuer's own key."""
    if not hasattr(cluster, "keys_dir"):
        pytest.skip("the keys of the given cluster cannot be read")
    claims = claims_of(alice.token)
    return TokenSigner.from_keys_dir(cluster.keys_dir, claims["iss"], claims["aud"], kid_of(alice.token))


@pytest.fixture(scope="package")
def issuer_key(issuer_signer) -> Callable[[str], dict[str, str]]:
    """Tokens with the issuer's genuine signature that break another rule; made at each call, for some expire."""
    return lambda audience: sendable({f.name: f.token for f in forgeries(issuer_signer, audience=audience)})


@pytest.fixture(scope="package")
def unusual(issuer_signer) -> Callable[[str], dict[str, str]]:
    """Valid tokens at the limits of the rules."""
    return lambda audience: dict(valid_tokens(issuer_signer, audience))


@pytest.fixture(scope="package")
def changed_token(gateway, alice) -> Callable[[str], dict[str, str]]:
    """Forgeries made of one genuine token and the public JWKS."""
    keys = gateway("GET", "/.well-known/jwks.json").json()
    return lambda audience: sendable(dict(tampered(alice.token, keys)))


@pytest.fixture
def started_at(cluster, client_at) -> Callable[[str], str | None]:
    """`started_at(service)`: when the process began, from its metrics; None where they cannot be reached."""

    def look(service: str) -> str | None:
        if service not in cluster.urls:
            return None
        metrics = client_at(cluster.urls[service])("GET", "/metrics").text
        return next(line for line in metrics.splitlines() if line.startswith("process_start_time_seconds"))

    return look
