"""Access tokens and ID tokens that come back to the issuer."""

import jwt
import pytest
from auth_service.domain.oauth.id_token import IdTokenHint
from auth_service.domain.sessions.status_bits import Bit, Changes, ReadPosition
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.signing.token_verification import (
    AccessTokenReader,
    BearerVerifier,
    IdTokenHintReader,
    LocalKeys,
    LocalStatuses,
)
from testkit.forgeries import json_text, serialization, signatures
from testkit.keys import make_rsa
from touchstone import StatusUnavailable, Unconfirmed

from ..fakes.store import MemoryStore
from .id_tokens import EXTENSIONS, IdTokens


def signer(key_ring):
    return jwt.get_unverified_header(key_ring.sign({"a": 1}, typ="at+jwt"))["kid"]


@pytest.fixture
def revoked():
    """The indices of list 1 whose bits are set."""
    return set()


@pytest.fixture
def lists(key_ring, clock, revoked, ticks):
    def changes(since):
        return Changes(
            [Bit(1, index, True) for index in revoked], {1: 64}, ReadPosition(1, clock()), complete=True
        )

    return StatusLists("http://localhost:8080", changes, key_ring, ttl=20, now=clock, ticks=ticks)


@pytest.fixture
def own(key_ring, clock, lists):
    return AccessTokenReader(
        "http://localhost:8080", LocalKeys(key_ring), LocalStatuses(lists), MemoryStore(), clock
    )


def access(key_ring, clock, **changes):
    claims = {
        "iss": "http://localhost:8080",
        "sub": "alice",
        "aud": ["orders-service"],
        "exp": int(clock()) + 60,
        "iat": int(clock()),
        "jti": "one",
        "client_id": "cli",
        "act": {"sub": "a", "act": {"sub": "b"}},
    }
    return key_ring.sign(claims | changes, typ="at+jwt")


ISSUER = "http://localhost:8080"
LONGEST_TOKEN, LONGEST_HINT = 8192, 16 * 1024  # a hint holds what a client chose: its nonce


@pytest.fixture(scope="module")
def read_hint():
    return IdTokenHintReader(ISSUER, {"ours": make_rsa().public_key()}.get).read


def forged(token_signer):
    """Yield the name and the token of each forgery whose fault is its form or its signature."""
    for kind in (serialization, json_text, signatures):
        yield from kind.forge(token_signer)
    for extension in EXTENSIONS:
        yield f"the header's {extension}", token_signer.sign(header=extension)
    good = token_signer.sign()
    for name, tail in {
        "padding": "==",
        "a newline": "\n",
        "a blank": " ",
        "NUL": "\0",
        "half a surrogate": "\ud800",
    }.items():
        yield f"{name} at the end", good + tail


def test_own_token_is_read_for_its_audience(key_ring, own, clock):
    token = access(key_ring, clock)

    assert own.read(token, "orders-service").actors == ("a", "b")
    assert own.read(token, "users-service") is None
    assert own.read_any(token) == own.read(token, "orders-service")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "e30.W10.e30", "e30.bnVsbA.e30", "x" * 9000])
def test_malformed_token_is_none(own, token):
    assert own.read(token, "orders-service") is None
    assert own.read_any(token) is None


@pytest.mark.parametrize("audience", ["elsewhere", [], [1], None, {"a": 1}])
def test_token_for_other_audience_is_none(key_ring, own, clock, audience):
    assert own.read_any(access(key_ring, clock, aud=audience)) is None


def test_token_of_withdrawn_key_is_none(key_ring, own, clock):
    token = access(key_ring, clock)
    assert own.read(token, "orders-service")

    key_ring.withdraw(signer(key_ring))

    assert own.read(token, "orders-service") is None


def status(index, uri="http://localhost:8080/status-lists/1"):
    return {"status_list": {"idx": index, "uri": uri}}


def test_token_with_set_bit_is_none(key_ring, own, clock, lists, revoked):
    token, other = (access(key_ring, clock, status=status(index)) for index in (5, 6))
    assert own.read(token, "orders-service")
    revoked.add(5)

    lists.refresh()

    assert own.read(token, "orders-service") is None
    assert own.read(other, "orders-service")


@pytest.mark.parametrize(
    "where",
    [
        status(64),
        status(1, "http://localhost:8080/status-lists/2"),
        status(1, "http://localhost:8080/status-lists/01"),
        status(1, "http://localhost:8080/status-lists/"),
        status(1, "http://elsewhere/status-lists/1"),
    ],
)
def test_token_with_unknown_bit_is_none(key_ring, own, clock, where):
    assert own.read(access(key_ring, clock, status=where), "orders-service") is None


@pytest.fixture
def bearers(own, lists):
    return BearerVerifier(own.verifier("orders-service"), lists, 30)


def test_stale_status_fails_fresh_routes_alone(key_ring, bearers, clock, lists, ticks):
    token = access(key_ring, clock, status=status(5))
    assert bearers.verify(token, fresh=True).subject == "alice"
    ticks.advance(31)

    assert bearers.verify(token).subject == "alice"
    with pytest.raises(Unconfirmed) as refused:
        bearers.verify(token, fresh=True)

    assert refused.value.retry_after > 0
    lists.refresh()
    assert bearers.verify(token, fresh=True).subject == "alice"


def test_unread_list_makes_status_unavailable(key_ring, bearers, clock, lists, ticks):
    lists.refresh()
    ticks.advance(31)

    with pytest.raises(StatusUnavailable):
        bearers.verify(access(key_ring, clock, status=status(1, "http://localhost:8080/status-lists/2")))


def test_forged_id_token_hint_is_ignored(read_hint):
    token_signer = IdTokens(ISSUER, make_rsa(), kid="ours")
    assert read_hint(token_signer.sign()) == IdTokenHint(
        token_signer.claims()["sub"], "cli", token_signer.claims()["sid"]
    )

    tokens = [
        (name, token)
        for name, token in forged(token_signer)
        if not LONGEST_TOKEN < len(token) <= LONGEST_HINT
    ]
    assert [name for name, token in tokens if read_hint(token) is not None] == []
