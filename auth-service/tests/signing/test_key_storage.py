"""What every home of signing keys must do, a folder of files as well as a token: one suite for all."""

import json
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.errors import NoSigningKey, UnknownKey
from auth_service.signing.jwk import thumbprint
from auth_service.signing.key_storage import KeyStorageUnavailable
from auth_service.signing.token_verification import LocalKeys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from touchstone import Policy, Verifier

ISSUER = "http://localhost:8080"


@pytest.fixture
def vault(home):
    vault = home.vault()
    vault.open()
    return vault


@pytest.fixture
def create(vault, clock):
    def create():
        with vault.locked():
            return vault.create(clock())

    return create


def kids(ring):
    return [key["kid"] for key in json.loads(ring.document()[0])["keys"]]


def signer(ring):
    return jwt.get_unverified_header(ring.sign({"a": 1}, typ="at+jwt"))["kid"]


def states(ring):
    return [str(each.state) for each in ring.statuses()]


def test_new_key_storage_is_empty(vault):
    assert dict(vault.keys()) == {}


def test_created_key_has_time_and_thumbprint(vault, home, create, clock):
    birth = create()

    for each in (vault, home.vault()):
        ((found, public),) = each.keys().items()
        assert found == birth
        assert (birth.created_at, birth.kid) == (int(clock()), thumbprint(public))
        assert (public.key_size, public.public_numbers().e) == (2048, 65537)


def test_signature_is_rs256_by_that_key(vault, create):
    birth = create()
    public = vault.keys()[birth]

    signature = vault.sign(birth, b"message")

    public.verify(signature, b"message", PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"another", PKCS1v15(), hashes.SHA256())


def test_key_deleted_twice_is_gone(vault, home, create):
    other = home.vault()
    other.open()
    kept, gone = create(), create()
    assert set(vault.keys()) == set(other.keys()) == {kept, gone}
    assert other.sign(gone, b"message") == vault.sign(gone, b"message")
    for _ in range(2):
        with vault.locked():
            vault.delete(gone)

    for each in (vault, other):
        assert list(each.keys()) == [kept]
        with pytest.raises(KeyStorageUnavailable):
            each.sign(gone, b"message")


def test_touchstone_and_pyjwt_accept_token(home, clock):
    ring = home.ring()
    claims = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "orders-service",
        "exp": int(clock()) + 60,
        "iat": int(clock()),
        "jti": "one",
    }

    token = ring.sign(claims | {"client_id": "cli"}, typ="at+jwt")

    verifier = Verifier(Policy(issuer=ISSUER, audience="orders-service"), LocalKeys(ring), now=clock)
    assert verifier.verify(token).subject == "alice"
    (key,) = jwt.PyJWKSet.from_json(ring.document()[0].decode()).keys
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "at+jwt", "kid": key.key_id}
    unclocked = {"verify_exp": False, "verify_iat": False}
    assert jwt.decode(token, key, algorithms=["RS256"], audience="orders-service", options=unclocked)


def test_key_states_follow_clock(home, clock):
    ring = home.ring()
    clock.advance(1000)
    first, second = signer(ring), ring.rotate()

    assert (kids(ring), signer(ring), states(ring)) == ([second, first], first, ["current", "next"])
    clock.advance(120)
    assert (kids(ring), signer(ring), states(ring)) == ([second, first], second, ["retired", "current"])
    clock.advance(390)
    assert (kids(ring), states(ring)) == ([second], ["expired", "current"])
    assert ring.prune() == [first]
    assert (states(ring), ring.prune()) == (["current"], [])


def test_last_key_withdrawn_is_replaced(home, clock):
    ring = home.ring()
    clock.advance(1000)
    first, second = signer(ring), ring.rotate()

    assert ring.withdraw(first) is None
    assert (kids(ring), signer(ring)) == ([second], second)
    made = ring.withdraw(second)
    assert (kids(ring), signer(ring)) == ([made], made)
    with pytest.raises(UnknownKey):
        ring.withdraw(second)


def test_sixteen_threads_sign_at_once(home):
    ring = home.ring()
    key = jwt.PyJWKSet.from_json(ring.document()[0].decode()).keys[0]

    def sign(number):
        return [ring.sign({"n": number}, typ="at+jwt") for _ in range(8)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(sign, range(16)))

    signed = [jwt.decode(token, key, algorithms=["RS256"])["n"] for tokens in answers for token in tokens]
    assert signed == [number for number in range(16) for _ in range(8)]


def test_other_process_sees_key_changes(home, clock):
    ring = home.ring()
    clock.advance(1000)
    first = signer(ring)

    second = home.process("rotate", passphrase=passphrase_of(home))
    assert kids(ring) == [first]  # nobody has looked yet
    home.ticks.advance(0.25)
    assert kids(ring) == [second, first]

    other = home.ring()
    other.withdraw(first)
    home.ticks.advance(0.25)
    assert (kids(ring), signer(ring)) == ([second], second)


def test_forked_process_and_parent_sign(shared_home):
    shared_home.ring()

    tokens = shared_home.process("fork")

    key = jwt.PyJWKSet.from_json(shared_home.ring().document()[0].decode()).keys[0]
    assert [jwt.decode(token, key, algorithms=["RS256"])["a"] for token in tokens] == [1, 2, 3]


def test_starting_processes_make_one_key(shared_home, sqlite_file):
    ended = shared_home.process(
        "race",
        database=f"sqlite:///{sqlite_file}",
        interval=1000,
    )

    assert ended == [0] * 10
    assert len(shared_home.ring().statuses()) == 1


def test_processes_rotate_old_key_once(shared_home, sqlite_file, sqlite, clock):
    first = signer(shared_home.ring())
    clock.advance(1000)

    ended = shared_home.process(
        "race",
        database=f"sqlite:///{sqlite_file}",
        interval=1000,
    )

    made = [status.kid for status in shared_home.ring().statuses() if status.kid != first]
    assert (ended, len(made)) == ([0] * 10, 1)
    with sqlite.reading() as tx:
        events = tx.audit.list_newest(AuditQuery(), 100)
    assert [(each.event.event, each.event.actor, each.event.detail) for each in events] == [
        ("key_rotated", "schedule", {"kid": made[0]})
    ]


def test_without_keys_nothing_is_signed(home):
    ring, vault = home.ring(), home.vault()
    vault.open()
    with vault.locked():
        for birth in list(vault.keys()):
            vault.delete(birth)
    home.ticks.advance(1)

    with pytest.raises(NoSigningKey):
        ring.sign({}, typ="at+jwt")
    assert ring.fault() is not None
    assert kids(ring) == []


def passphrase_of(home):
    return home.store.passphrase.get_secret_value() if home.store.passphrase else None
