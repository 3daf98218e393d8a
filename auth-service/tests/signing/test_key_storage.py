"""One suite for every kind of key storage: folders of files and pkcs11 tokens."""

import json
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.errors import NoSigningKey, UnknownSigningKey
from auth_service.signing.jwk import thumbprint
from auth_service.signing.key_storage import KeyStorageUnavailable
from auth_service.signing.token_verification import LocalKeys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from touchstone import Policy, Verifier

ISSUER = "http://localhost:8080"


@pytest.fixture
def key_storage(stored_keys):
    key_storage = stored_keys.key_storage()
    key_storage.open()
    return key_storage


@pytest.fixture
def create(key_storage, clock):
    def create():
        with key_storage.locked():
            return key_storage.create(clock())

    return create


def kids(key_ring):
    return [key["kid"] for key in json.loads(key_ring.document()[0])["keys"]]


def signer(key_ring):
    return jwt.get_unverified_header(key_ring.sign({"a": 1}, typ="at+jwt"))["kid"]


def states(key_ring):
    return [str(each.state) for each in key_ring.statuses()]


def test_new_key_storage_is_empty(key_storage):
    assert dict(key_storage.keys()) == {}


def test_created_key_has_time_and_thumbprint(key_storage, stored_keys, create, clock):
    key_name = create()

    for each in (key_storage, stored_keys.key_storage()):
        ((found, public),) = each.keys().items()
        assert found == key_name
        assert (key_name.created_at, key_name.kid) == (int(clock()), thumbprint(public))
        assert (public.key_size, public.public_numbers().e) == (2048, 65537)


def test_signature_is_rs256_by_that_key(key_storage, create):
    key_name = create()
    public = key_storage.keys()[key_name]

    signature = key_storage.sign(key_name, b"message")

    public.verify(signature, b"message", PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"another", PKCS1v15(), hashes.SHA256())


def test_key_deleted_twice_is_gone(key_storage, stored_keys, create):
    other = stored_keys.key_storage()
    other.open()
    kept, gone = create(), create()
    assert set(key_storage.keys()) == set(other.keys()) == {kept, gone}
    assert other.sign(gone, b"message") == key_storage.sign(gone, b"message")
    for _ in range(2):
        with key_storage.locked():
            key_storage.delete(gone)

    for each in (key_storage, other):
        assert list(each.keys()) == [kept]
        with pytest.raises(KeyStorageUnavailable):
            each.sign(gone, b"message")


def test_touchstone_and_pyjwt_accept_token(stored_keys, clock):
    key_ring = stored_keys.key_ring()
    claims = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "orders-service",
        "exp": int(clock()) + 60,
        "iat": int(clock()),
        "jti": "one",
    }

    token = key_ring.sign(claims | {"client_id": "cli"}, typ="at+jwt")

    verifier = Verifier(Policy(issuer=ISSUER, audience="orders-service"), LocalKeys(key_ring), now=clock)
    assert verifier.verify(token).subject == "alice"
    (key,) = jwt.PyJWKSet.from_json(key_ring.document()[0].decode()).keys
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "at+jwt", "kid": key.key_id}
    unclocked = {"verify_exp": False, "verify_iat": False}
    assert jwt.decode(token, key, algorithms=["RS256"], audience="orders-service", options=unclocked)


def test_key_states_follow_clock(stored_keys, clock):
    key_ring = stored_keys.key_ring()
    clock.advance(1000)
    first, second = signer(key_ring), key_ring.rotate()

    assert (kids(key_ring), signer(key_ring), states(key_ring)) == (
        [second, first],
        first,
        ["current", "next"],
    )
    clock.advance(120)
    assert (kids(key_ring), signer(key_ring), states(key_ring)) == (
        [second, first],
        second,
        ["retired", "current"],
    )
    clock.advance(390)
    assert (kids(key_ring), states(key_ring)) == ([second], ["expired", "current"])
    assert key_ring.prune() == [first]
    assert (states(key_ring), key_ring.prune()) == (["current"], [])


def test_last_key_withdrawn_is_replaced(stored_keys, clock):
    key_ring = stored_keys.key_ring()
    clock.advance(1000)
    first, second = signer(key_ring), key_ring.rotate()

    assert key_ring.withdraw(first) is None
    assert (kids(key_ring), signer(key_ring)) == ([second], second)
    made = key_ring.withdraw(second)
    assert (kids(key_ring), signer(key_ring)) == ([made], made)
    with pytest.raises(UnknownSigningKey):
        key_ring.withdraw(second)


def test_sixteen_threads_sign_at_once(stored_keys):
    key_ring = stored_keys.key_ring()
    key = jwt.PyJWKSet.from_json(key_ring.document()[0].decode()).keys[0]

    def sign(number):
        return [key_ring.sign({"n": number}, typ="at+jwt") for _ in range(8)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(sign, range(16)))

    signed = [jwt.decode(token, key, algorithms=["RS256"])["n"] for tokens in answers for token in tokens]
    assert signed == [number for number in range(16) for _ in range(8)]


def test_other_process_sees_key_changes(stored_keys, clock):
    key_ring = stored_keys.key_ring()
    clock.advance(1000)
    first = signer(key_ring)

    second = stored_keys.process("rotate", passphrase=passphrase_of(stored_keys))
    assert kids(key_ring) == [first]  # not read again yet
    stored_keys.ticks.advance(0.25)
    assert kids(key_ring) == [second, first]

    other = stored_keys.key_ring()
    other.withdraw(first)
    stored_keys.ticks.advance(0.25)
    assert (kids(key_ring), signer(key_ring)) == ([second], second)


def test_forked_process_and_parent_sign(pem_or_pkcs11_keys):
    pem_or_pkcs11_keys.key_ring()

    tokens = pem_or_pkcs11_keys.process("fork")

    key = jwt.PyJWKSet.from_json(pem_or_pkcs11_keys.key_ring().document()[0].decode()).keys[0]
    assert [jwt.decode(token, key, algorithms=["RS256"])["a"] for token in tokens] == [1, 2, 3]


def test_starting_processes_make_one_key(pem_or_pkcs11_keys, sqlite_file):
    ended = pem_or_pkcs11_keys.process(
        "race",
        database=f"sqlite:///{sqlite_file}",
        interval=1000,
    )

    assert ended == [0] * 10
    assert len(pem_or_pkcs11_keys.key_ring().statuses()) == 1


def test_processes_rotate_old_key_once(pem_or_pkcs11_keys, sqlite_file, sqlite, clock):
    first = signer(pem_or_pkcs11_keys.key_ring())
    clock.advance(1000)

    ended = pem_or_pkcs11_keys.process(
        "race",
        database=f"sqlite:///{sqlite_file}",
        interval=1000,
    )

    made = [status.kid for status in pem_or_pkcs11_keys.key_ring().statuses() if status.kid != first]
    assert (ended, len(made)) == ([0] * 10, 1)
    with sqlite.reading() as tx:
        events = tx.audit.list_newest(AuditQuery(), 100)
    assert [(each.event, each.actor, each.detail) for each in events] == [
        ("key_rotated", "schedule", {"kid": made[0]})
    ]


def test_without_keys_nothing_is_signed(stored_keys):
    key_ring, key_storage = stored_keys.key_ring(), stored_keys.key_storage()
    key_storage.open()
    with key_storage.locked():
        for key_name in list(key_storage.keys()):
            key_storage.delete(key_name)
    stored_keys.ticks.advance(1)

    with pytest.raises(NoSigningKey):
        key_ring.sign({}, typ="at+jwt")
    assert key_ring.fault() is not None
    assert kids(key_ring) == []


def passphrase_of(stored_keys):
    return stored_keys.store.passphrase.get_secret_value() if stored_keys.store.passphrase else None
