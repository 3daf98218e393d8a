"""Express, HAProxy and Envoy, each as somebody who knows nothing of us would set it up, before the same API.

They let in what the issuer signed and nothing else, and they keep up when its keys change. What the thief of a key could
sign is told apart from what a stranger can make: nobody but the issuer can make a token with a good signature, so a
server that is lenient about how such a token is written gives nothing away.
"""

import base64
import contextlib
import re
from collections import defaultdict
from dataclasses import dataclass, field

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from testkit.concurrency import wait_for
from testkit.forgeries import forgeries
from testkit.token_signer import claims_of

AUDIENCE = "orders-service"
REFUSED = {400, 401, 403}

# Under an honest signature, and wrong all the same: for another service, of another issuer, of another time or kind.
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
    "alg 'none' with an honest RS256 signature",
    'alg is "HS256" over an honest RS256 signature',
    'alg is "RS512" over an honest RS256 signature',
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
    """`forged[name]`: what the name says is wrong, under the issuer's own signature where it is signed."""
    return {each.name: each.token for each in forgeries(stolen_key, audience=AUDIENCE)}


def carelessly_read(token, key):
    """Tell whether this is a genuine token for the most careless of readers.

    Express' passes over what is no base64 and takes either alphabet, Envoy passes over empty parts. Nobody gains by it,
    for it is the issuer's token all the same, and touchstone, behind such a door, refuses it.
    """
    parts = [part for part in token.split(".") if part]
    for header, payload, signature in zip(parts, parts[1:], parts[2:], strict=False):
        readable = re.sub(r"[^A-Za-z0-9_-]", "", signature.translate({ord("+"): "-", ord("/"): "_"}))
        with contextlib.suppress(InvalidSignature, ValueError):
            raw = base64.urlsafe_b64decode(readable + "==")
            key.verify(raw, f"{header}.{payload}".encode(), PKCS1v15(), SHA256())
            return True
    return False


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


@dataclass
class Turn:
    """A token of the old key and one of the new, and what each server answered to them while the keys turned."""

    old: str
    new: str = ""
    meanwhile: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    at_the_end: dict[str, tuple[int, int]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def rotation(issuer, servers):
    """One rotation, watched at all servers at once: it takes its time, and it is the same for all."""
    turn = Turn(issuer.token())

    def turned():
        for server in servers:
            turn.during[server.name].add(server(turn.old).status_code)
        turn.new = issuer.token()
        return kid_of(turn.new) != kid_of(turn.old)

    turned()
    issuer.keys("rotate")
    for server in servers:
        server.update_keys()
    wait_for(turned, what="a signature with the new key")
    for server in servers:
        turn.after[server.name] = (server(turn.new).status_code, server(turn.old).status_code)
    return turn


@pytest.fixture(scope="module")
def withdrawal(issuer, servers, rotation):
    """The old key is taken out after the rotation."""
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
    strangers = {name: token for name, token in forged.items() if not carelessly_read(token, key)}
    passed = {name for name, token in strangers.items() if server(token).status_code not in REFUSED}

    assert len(strangers) > 400
    assert passed == set()


def test_rotation_keeps_older_token_valid(server, rotation):
    assert rotation.during[server.name] == {200}


def test_tokens_before_and_after_rotation_pass(server, rotation):
    assert rotation.after[server.name] == (200, 200)


def test_withdrawn_key_is_refused(server, withdrawal):
    wait_for(lambda: server(withdrawal.old).status_code == 401, what="the old key's end")
    assert server(withdrawal.new).status_code == 200
