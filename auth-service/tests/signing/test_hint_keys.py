"""ID tokens as hints after their key was rotated away, in every kind of key storage."""

import json

import jwt
import pytest
from auth_service.domain.errors import UnknownSigningKey
from auth_service.domain.oauth.id_token import IdTokenHint
from auth_service.signing.token_verification import HintKeyFinder, IdTokenHintReader, LocalKeys
from auth_service.use_cases.admin.signing_keys import KeyAdmin
from touchstone import Policy, TokenError, Verifier

ISSUER = "http://localhost:8080"
SESSION = 40_000  # seconds that a session can live
HINT = IdTokenHint("alice", "cli", "s")


@pytest.fixture
def rotated(stored_keys, sqlite, clock):
    """`rotated(key_ring)`: rotate, let the old key be removed, and return the new one's id."""

    def rotate(key_ring):
        admin = KeyAdmin(sqlite, key_ring, SESSION)
        clock.advance(1000)
        kid = admin.rotate()
        clock.advance(1000)
        admin.prune()
        return kid

    return rotate


@pytest.fixture
def hints(stored_keys, sqlite, clock):
    """`hints(key_ring)`: the reader of hints over a key ring; without one, that of a process that has just started."""
    return lambda key_ring=None: IdTokenHintReader(
        ISSUER, HintKeyFinder(key_ring or stored_keys.key_ring(), sqlite, clock)
    )


def id_token(key_ring):
    claims = {"iss": ISSUER, "sub": "alice", "aud": "cli", "sid": "s", "iat": 1, "exp": 2}
    return key_ring.sign(claims, typ="JWT")


def kids(key_ring):
    return {key["kid"] for key in json.loads(key_ring.document()[0])["keys"]}


def test_hint_from_before_rotations_is_read(stored_keys, rotated, hints):
    key_ring = stored_keys.key_ring()
    token = id_token(key_ring)

    for _ in range(3):
        rotated(key_ring)

    assert jwt.get_unverified_header(token)["kid"] not in kids(key_ring)
    assert [status.kid for status in key_ring.statuses()] == [key_ring.current()]
    assert hints(key_ring).read(token) == hints().read(token) == HINT


def test_hint_of_expired_key_is_read(stored_keys, hints, clock):
    key_ring = stored_keys.key_ring()
    token = id_token(key_ring)
    clock.advance(1000)
    key_ring.rotate()
    clock.advance(1000)

    assert len(kids(key_ring)) == 1
    assert hints(key_ring).read(token) == HINT


def test_hint_of_withdrawn_key_is_none(stored_keys, sqlite, hints):
    key_ring = stored_keys.key_ring()
    token = id_token(key_ring)

    KeyAdmin(sqlite, key_ring, SESSION).withdraw(key_ring.current())

    assert hints(key_ring).read(token) is None


def test_withdrawn_hint_key_is_deleted(stored_keys, sqlite, rotated, hints):
    key_ring = stored_keys.key_ring()
    token, kid = id_token(key_ring), key_ring.current()
    rotated(key_ring)
    admin = KeyAdmin(sqlite, key_ring, SESSION)

    assert admin.withdraw(kid) is None

    assert hints(key_ring).read(token) is None
    with pytest.raises(UnknownSigningKey):
        admin.withdraw(kid)


def test_withdrawal_keeps_expired_hint_keys(stored_keys, sqlite, hints, clock):
    key_ring = stored_keys.key_ring()
    token = id_token(key_ring)
    clock.advance(1000)
    second = key_ring.rotate()
    clock.advance(1000)

    KeyAdmin(sqlite, key_ring, SESSION).withdraw(second)

    assert hints(key_ring).read(token) == HINT


def test_hint_after_session_life_is_none(stored_keys, sqlite, rotated, hints, clock):
    key_ring = stored_keys.key_ring()
    token, kid = id_token(key_ring), key_ring.current()
    rotated(key_ring)

    clock.advance(SESSION - 1000)
    assert hints(key_ring).read(token) == HINT
    clock.advance(121)
    assert hints(key_ring).read(token) is None

    sqlite.prune(clock())
    with sqlite.reading() as tx:
        assert tx.hint_keys.get(kid) is None


def test_hint_key_verifies_no_access_token(stored_keys, rotated, clock):
    key_ring = stored_keys.key_ring()
    now = int(clock())
    claims = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "orders-service",
        "jti": "j",
        "iat": now,
        "exp": now + 9999,
    }
    token = key_ring.sign(claims, typ="at+jwt")
    rotated(key_ring)

    with pytest.raises(TokenError):
        Verifier(Policy(issuer=ISSUER, audience="orders-service"), LocalKeys(key_ring), now=clock).verify(
            token
        )
