"""Express, HAProxy and Envoy in front of an API: they accept the issuer's tokens, no others, and follow its keys.

Tokens signed with a stolen key are tested apart from those made without it: only the issuer can make a genuine
signature, so a server that parses such tokens leniently is not less secure.
"""

import base64
import contextlib
import re
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from testkit.concurrency import wait_for
from testkit.forgeries import forgeries
from testkit.token_signer import claims_of, kid_of

AUDIENCE = "orders-service"
REFUSED = {400, 401, 403}

# Wrong claims or headers under a genuine signature: another audience, issuer, time or type.
WRONG = [
    "expired an hour ago",
    "expired 31 s ago",
    "expired a year ago",
    "exp is missing",
    "exp is null",
    'exp is ""',
    "exp is 0",
    "exp is -1",
    "nbf an hour ahead",
    "iss is missing",
    'iss is "https://attacker.example"',
    "iss is []",
    "aud is missing",
    "aud is []",
    'aud is ""',
    'aud is "*"',
    'aud is ".*"',
    'aud is "orders-services"',
    'aud is "ORDERS-SERVICE"',
    'aud is "another orders-service"',
    "for users-service alone",
    "a list of all the other services",
    "alg 'none' with a genuine RS256 signature",
    'alg is "HS256" over a genuine RS256 signature',
    'alg is "RS512" over a genuine RS256 signature',
    'typ is "JWT"',
    'typ is "id+jwt"',
    'typ is "logout+jwt"',
    "typ is missing",
    "the claims of an ID token",
]


@pytest.fixture(scope="module")
def stolen_key(issuer):
    return issuer.signer()


@pytest.fixture(scope="module")
def forged(stolen_key):
    """`forged[name]`: the forgery of this name, made with the issuer's key."""
    return {each.name: each.token for each in forgeries(stolen_key, audience=AUDIENCE)}


def is_genuine_if_lenient(token, key):
    """Return whether a lenient parser finds a genuine token: the issuer's, though in another spelling.

    Express skips other characters than base64's and accepts both alphabets, Envoy skips empty parts.
    """
    parts = [part for part in token.split(".") if part]
    for header, payload, signature in zip(parts, parts[1:], parts[2:], strict=False):
        readable = re.sub(r"[^A-Za-z0-9_-]", "", signature.translate({ord("+"): "-", ord("/"): "_"}))
        with contextlib.suppress(InvalidSignature, ValueError):
            raw = base64.urlsafe_b64decode(readable + "==")
            key.verify(raw, f"{header}.{payload}".encode(), PKCS1v15(), SHA256())
            return True
    return False


@dataclass
class Rotation:
    """A token of the old key, one of the new, and the statuses that each server answered to them."""

    old: str
    new: str = ""
    during: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    after: dict[str, tuple[int, int]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def rotation(issuer, servers):
    """One rotation, observed at all servers at once, because it takes seconds."""
    rotation = Rotation(issuer.token())

    def new_key_signs():
        for server in servers:
            rotation.during[server.name].add(server(rotation.old).status_code)
        rotation.new = issuer.token()
        return kid_of(rotation.new) != kid_of(rotation.old)

    new_key_signs()
    issuer.keys("rotate")
    for server in servers:
        server.update_keys()
    wait_for(new_key_signs, what="a signature with the new key")
    for server in servers:
        rotation.after[server.name] = (server(rotation.new).status_code, server(rotation.old).status_code)
    return rotation


@pytest.fixture(scope="module")
def withdrawal(issuer, servers, rotation):
    """The rotation, after which the old key has been withdrawn."""
    issuer.keys("withdraw", kid_of(rotation.old))
    for server in servers:
        server.update_keys()
    return rotation


def test_genuine_token_passes(server, issuer):
    token = issuer.token()
    answer = server(token)

    assert (answer.status_code, answer.json()) == (200, {"sub": claims_of(token)["sub"]})


def test_token_for_several_services_passes(server, issuer):
    assert server(issuer.token(["auth-service", "users-service", AUDIENCE])).status_code == 200


def test_token_for_other_service_is_refused(server, issuer):
    assert server(issuer.token("users-service")).status_code in REFUSED


def test_missing_token_gets_challenge(server):
    answer = server(None)

    assert (answer.status_code, answer.headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")


def test_stolen_key_signs_valid_token(server, stolen_key):
    assert server(stolen_key.sign()).status_code == 200


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_claim_with_stolen_key_is_refused(server, forged, wrong):
    assert server(forged[wrong]).status_code in REFUSED


def test_token_not_signed_by_issuer_is_refused(server, forged, stolen_key):
    key = stolen_key.key.public_key()
    unsigned = {name: token for name, token in forged.items() if not is_genuine_if_lenient(token, key)}
    passed = {name for name, token in unsigned.items() if server(token).status_code not in REFUSED}

    assert len(unsigned) > 400
    assert passed == set()


def test_rotation_keeps_older_token_valid(server, rotation):
    assert rotation.during[server.name] == {200}


def test_tokens_before_and_after_rotation_pass(server, rotation):
    assert rotation.after[server.name] == (200, 200)


def test_withdrawn_key_is_refused(server, withdrawal):
    wait_for(lambda: server(withdrawal.old).status_code == 401, what="the old key's end")
    assert server(withdrawal.new).status_code == 200
