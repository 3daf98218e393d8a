"""ID tokens as hints after their key was rotated away, whatever holds the keys."""

import json

import jwt
import pytest
from auth_service.domain.errors import UnknownKey
from auth_service.domain.oauth.id_token import IdTokenHint
from auth_service.signing.token_verification import HintKeyFinder, LocalKeys, OwnIdTokens
from auth_service.use_cases.admin.signing_keys import KeyAdmin
from touchstone import Policy, TokenError, Verifier

ISSUER = "http://localhost:8080"
SESSION = 40_000  # seconds that a session can live
HINT = IdTokenHint("alice", "cli", "s")


@pytest.fixture
def rotated(home, sqlite, clock):
    """`rotated(ring)`: rotate, let the old key be removed, and return the new one's id."""

    def rotate(ring):
        admin = KeyAdmin(sqlite, ring, SESSION)
        clock.advance(1000)
        kid = admin.rotate()
        clock.advance(1000)
        admin.prune()
        return kid

    return rotate


@pytest.fixture
def hints(home, sqlite, clock):
    """`hints(ring)`: the reader of hints over a ring; without one, that of a process that has just started."""
    return lambda ring=None: OwnIdTokens(ISSUER, HintKeyFinder(ring or home.ring(), sqlite, clock))


def id_token(ring):
    claims = {"iss": ISSUER, "sub": "alice", "aud": "cli", "sid": "s", "iat": 1, "exp": 2}
    return ring.sign(claims, typ="JWT")


def kids(ring):
    return {key["kid"] for key in json.loads(ring.document()[0])["keys"]}


def test_hint_from_before_rotations_is_read(home, rotated, hints):
    ring = home.ring()
    token = id_token(ring)

    for _ in range(3):
        rotated(ring)

    assert jwt.get_unverified_header(token)["kid"] not in kids(ring)
    assert [status.kid for status in ring.statuses()] == [ring.current()]
    assert hints(ring).read(token) == hints().read(token) == HINT


def test_hint_of_expired_key_is_read(home, hints, clock):
    ring = home.ring()
    token = id_token(ring)
    clock.advance(1000)
    ring.rotate()
    clock.advance(1000)

    assert len(kids(ring)) == 1
    assert hints(ring).read(token) == HINT


def test_hint_of_withdrawn_key_is_none(home, sqlite, hints):
    ring = home.ring()
    token = id_token(ring)

    KeyAdmin(sqlite, ring, SESSION).withdraw(ring.current())

    assert hints(ring).read(token) is None


def test_withdrawn_hint_key_is_deleted(home, sqlite, rotated, hints):
    ring = home.ring()
    token, kid = id_token(ring), ring.current()
    rotated(ring)
    admin = KeyAdmin(sqlite, ring, SESSION)

    assert admin.withdraw(kid) is None

    assert hints(ring).read(token) is None
    with pytest.raises(UnknownKey):
        admin.withdraw(kid)


def test_withdrawal_keeps_expired_hint_keys(home, sqlite, hints, clock):
    ring = home.ring()
    token = id_token(ring)
    clock.advance(1000)
    second = ring.rotate()
    clock.advance(1000)

    KeyAdmin(sqlite, ring, SESSION).withdraw(second)

    assert hints(ring).read(token) == HINT


def test_hint_after_session_life_is_none(home, sqlite, rotated, hints, clock):
    ring = home.ring()
    token, kid = id_token(ring), ring.current()
    rotated(ring)

    clock.advance(SESSION - 1000)
    assert hints(ring).read(token) == HINT
    clock.advance(121)
    assert hints(ring).read(token) is None

    sqlite.prune(clock())
    with sqlite.reading() as tx:
        assert tx.hint_keys.get(kid) is None


def test_hint_key_verifies_no_access_token(home, rotated, clock):
    ring = home.ring()
    now = int(clock())
    claims = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "orders-service",
        "jti": "j",
        "iat": now,
        "exp": now + 9999,
    }
    token = ring.sign(claims, typ="at+jwt")
    rotated(ring)

    with pytest.raises(TokenError):
        Verifier(Policy(issuer=ISSUER, audience="orders-service"), LocalKeys(ring), now=clock).verify(token)
