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


def test_a_new_vault_has_no_keys(vault):
    assert dict(vault.keys()) == {}


def test_a_key_is_there_under_its_time_and_thumbprint_for_everybody(vault, home, create, clock):
    birth = create()

    for each in (vault, home.vault()):
        ((found, public),) = each.keys().items()
        assert found == birth
        assert (birth.created_at, birth.kid) == (int(clock()), thumbprint(public))
        assert (public.key_size, public.public_numbers().e) == (2048, 65537)


def test_a_signature_is_rs256_of_that_message_under_that_key(vault, create):
    birth = create()
    public = vault.keys()[birth]

    signature = vault.sign(birth, b"message")

    public.verify(signature, b"message", PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"another", PKCS1v15(), hashes.SHA256())


def test_a_deleted_key_is_gone_and_deleting_it_again_is_nothing(vault, home, create):
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


def test_touchstone_and_pyjwt_accept_what_the_ring_signs(home, clock):
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


def test_a_key_is_next_then_current_then_retired_then_pruned(home, clock):
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


def test_a_withdrawn_key_is_gone_at_once_and_when_it_was_the_last_a_new_one_signs(home, clock):
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


def test_another_process_sees_a_new_key_within_a_second_and_a_withdrawn_one_too(home, clock):
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


def test_a_forked_process_signs_and_its_parent_does_too(shared_home):
    shared_home.ring()

    tokens = shared_home.process("fork")

    key = jwt.PyJWKSet.from_json(shared_home.ring().document()[0].decode()).keys[0]
    assert [jwt.decode(token, key, algorithms=["RS256"])["a"] for token in tokens] == [1, 2, 3]


def test_ten_processes_that_start_at_once_make_one_first_key(shared_home, sqlite_file):
    ended = shared_home.process(
        "race",
        database=f"sqlite:///{sqlite_file}",
        interval=1000,
    )

    assert ended == [0] * 10
    assert len(shared_home.ring().statuses()) == 1


def test_ten_processes_that_find_an_old_key_at_once_make_one_new_one_and_record_it_once(
    shared_home, sqlite_file, sqlite, clock
):
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


def test_without_any_key_nothing_is_signed_and_the_mint_says_it_is_not_ready(home):
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
