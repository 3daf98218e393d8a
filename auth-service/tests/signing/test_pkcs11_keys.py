"""Keys in a pkcs11 token: they cannot be exported, and a lost session is opened again."""

import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from auth_service.domain.errors import NoSigningKey
from auth_service.domain.signing_keys import KeyName
from auth_service.signing import pkcs11_session as cryptoki
from auth_service.signing.key_storage import KeyStorageUnavailable, name_of
from auth_service.signing.pem import KeyFault
from auth_service.signing.pkcs11_keys import UNFINISHED, Pkcs11Keys
from auth_service.signing.pkcs11_session import Connection
from pydantic import SecretStr
from service_kit.database.engine import file_lock


@pytest.fixture
def p11(softhsm):
    import pkcs11

    return pkcs11


@pytest.fixture
def connection(pkcs11_keys):
    store = pkcs11_keys.store
    return Connection(store.module, store.token, store.pin, pkcs11_keys.ticks)


@pytest.fixture
def key_storage(connection, pkcs11_keys):
    key_storage = Pkcs11Keys(connection, lambda: file_lock(pkcs11_keys.lock_file))
    key_storage.open()
    return key_storage


@pytest.fixture
def key_name(key_storage, clock):
    with key_storage.locked():
        return key_storage.create(clock())


@pytest.fixture
def objects(connection, p11):
    """`objects()`: list the label and class of every object in the pkcs11 token, private ones included."""

    def listed():
        def look(session):
            return [(each.label, each[p11.Attribute.CLASS].name) for each in session.get_objects({})]

        return sorted(connection.run(look))

    return listed


def private(connection, p11, key_name):
    return connection.run(
        lambda session: session.get_key(object_class=p11.ObjectClass.PRIVATE_KEY, label=name_of(key_name))
    )


def test_private_key_cannot_be_exported(key_storage, connection, p11, key_name):
    key = private(connection, p11, key_name)
    flags = ("SENSITIVE", "EXTRACTABLE", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "PRIVATE")

    assert {flag: key[p11.Attribute[flag]] for flag in flags} == {
        "SENSITIVE": True,
        "EXTRACTABLE": False,
        "ALWAYS_SENSITIVE": True,
        "NEVER_EXTRACTABLE": True,
        "LOCAL": True,
        "PRIVATE": True,
    }
    for secret in ("PRIVATE_EXPONENT", "PRIME_1", "PRIME_2", "EXPONENT_1", "EXPONENT_2", "COEFFICIENT"):
        with pytest.raises(p11.AttributeSensitive):
            _ = key[p11.Attribute[secret]]


def test_private_key_can_only_sign(key_storage, connection, p11, key_name):
    key = private(connection, p11, key_name)

    assert [key[p11.Attribute[use]] for use in ("SIGN", "DECRYPT", "UNWRAP")] == [True, False, False]


def test_key_halves_are_labelled_without_file(key_storage, objects, key_name, pkcs11_keys):
    assert objects() == [(name_of(key_name), "PRIVATE_KEY"), (name_of(key_name), "PUBLIC_KEY")]
    assert not pkcs11_keys.store.folder.exists()


def test_unfinished_key_is_removed_with_next(key_storage, connection, objects, p11, clock):
    connection.run(
        lambda session: session.generate_keypair(p11.KeyType.RSA, 2048, label=UNFINISHED, store=True)
    )
    assert dict(key_storage.keys()) == {}

    with key_storage.locked():
        key_name = key_storage.create(clock())

    assert objects() == [(name_of(key_name), "PRIVATE_KEY"), (name_of(key_name), "PUBLIC_KEY")]


def test_half_deleted_key_is_removed_with_next(key_storage, connection, objects, p11, key_name, clock):
    connection.run(
        lambda session: session.get_key(
            object_class=p11.ObjectClass.PUBLIC_KEY, label=name_of(key_name)
        ).destroy()
    )
    assert dict(key_storage.keys()) == {}

    with key_storage.locked():
        other = key_storage.create(clock() + 1)

    assert objects() == [(name_of(other), "PRIVATE_KEY"), (name_of(other), "PUBLIC_KEY")]


def foreign(p11, connection, label, bits=2048, **template):
    """Put a key into the pkcs11 token without the key storage."""
    private = {p11.Attribute[name]: value for name, value in template.items()}

    def make(session):
        session.generate_keypair(p11.KeyType.RSA, bits, label=label, store=True, private_template=private)

    connection.run(make)


def test_other_objects_are_left_alone(key_storage, connection, objects, p11, clock):
    foreign(p11, connection, "another application's")

    with key_storage.locked():
        key_name = key_storage.create(clock())

    assert list(key_storage.keys()) == [key_name]
    assert len([label for label, _ in objects() if label == "another application's"]) == 2


BAD = {
    "of another thumbprint": {},
    "that can be read out": {"EXTRACTABLE": True},
    "that is small": {"bits": 1024},
}


@pytest.mark.parametrize("kind", BAD)
def test_foreign_key_stops_start_or_is_left_out(key_storage, connection, p11, kind, key_name, capsys):
    label = name_of(KeyName(1_700_000_000, "A" * 43))
    foreign(p11, connection, label, **BAD[kind])

    for _ in range(3):
        assert list(key_storage.keys()) == [key_name]
    assert capsys.readouterr().out.count(label) == 1
    with pytest.raises(KeyFault, match=label):
        key_storage.open()


def test_lost_session_is_reopened(key_storage, connection, key_name):
    before = key_storage.sign(key_name, b"message")

    connection.run(lambda session: session.close())

    assert key_storage.sign(key_name, b"message") == before
    connection.run(lambda session: session.close())
    assert list(key_storage.keys()) == [key_name]


def test_finalized_module_is_restarted(key_storage, p11, pkcs11_keys, key_name):
    p11.lib(str(pkcs11_keys.store.module)).finalize()

    assert key_storage.sign(key_name, b"message")


def test_connections_share_pkcs11_token(key_storage, pkcs11_keys, key_name):
    store = pkcs11_keys.store
    other = Pkcs11Keys(Connection(store.module, store.token, store.pin), key_storage.locked)

    for _ in range(2):
        assert other.sign(key_name, b"message") == key_storage.sign(key_name, b"message")


def test_two_pkcs11_tokens_do_not_interfere(key_storage, pkcs11_keys, make_token, key_name, clock):
    store = replace(pkcs11_keys.store, token=make_token())
    other = store.storage(key_storage.locked)
    other.open()
    with other.locked():
        second = other.create(clock())

    assert key_storage.sign(key_name, b"message")
    assert other.sign(second, b"message")
    assert (list(key_storage.keys()), list(other.keys())) == ([key_name], [second])


@pytest.fixture
def unplugged(softhsm):
    """`out()` takes all pkcs11 tokens away, `back()` brings them back."""
    import os

    tokens = Path(os.environ["SOFTHSM2_CONF"]).parent / "tokens"
    away = tokens.with_name("away")

    class Plug:
        def out(self):
            tokens.rename(away)

        def back(self):
            if away.exists():
                away.rename(tokens)

    plug = Plug()
    yield plug
    plug.back()


def test_absent_pkcs11_token_keeps_keys(pkcs11_keys, unplugged):
    key_ring = pkcs11_keys.key_ring()
    document, ticks = key_ring.document(), pkcs11_keys.ticks
    unplugged.out()
    ticks.advance(1)

    assert key_ring.document() == document
    with pytest.raises(NoSigningKey) as refused:
        key_ring.sign({}, typ="at+jwt")
    with pytest.raises(NoSigningKey):
        key_ring.rotate()
    unplugged.back()
    deadline = threading.Event()
    for _ in range(40):  # it tries again after a second
        deadline.wait(0.1)
        if key_ring_signs(key_ring):
            break

    assert refused.value.retry_after == 5
    assert jwt.get_unverified_header(key_ring.sign({}, typ="at+jwt"))["kid"] in document[0].decode()


def key_ring_signs(key_ring):
    try:
        return bool(key_ring.sign({}, typ="at+jwt"))
    except NoSigningKey:
        return False


def test_absent_pkcs11_token_is_retried_rarely(key_storage, pkcs11_keys, unplugged, key_name):
    assert list(key_storage.keys()) == [key_name]
    unplugged.out()
    with pytest.raises(KeyStorageUnavailable, match="cannot be opened"):
        key_storage.keys()
    with pytest.raises(KeyStorageUnavailable, match="is unavailable"):
        key_storage.keys()
    unplugged.back()

    with pytest.raises(KeyStorageUnavailable, match="is unavailable"):
        key_storage.sign(key_name, b"message")
    pkcs11_keys.ticks.advance(cryptoki.RETRY_AFTER)
    assert key_storage.sign(key_name, b"message")


def test_wrong_pin_is_tried_once(pkcs11_keys, p11):
    store = replace(pkcs11_keys.store, pin=SecretStr("wrong, of course"))
    key_storage = store.storage(lambda: file_lock(pkcs11_keys.lock_file))

    for _ in range(9):
        with pytest.raises(KeyFault, match="PKCS11_PIN") as fault:
            key_storage.open()
        assert "of course" not in str(fault.value)
    with pytest.raises(KeyStorageUnavailable):
        key_storage.keys()

    pkcs11_keys.key_storage().open()
    flags = p11.lib(str(store.module)).get_token(token_label=store.token).flags
    assert p11.TokenFlag.USER_PIN_LOCKED not in flags


def test_unknown_pkcs11_token_stops_start(pkcs11_keys):
    with pytest.raises(KeyFault, match="no such token"):
        replace(pkcs11_keys.store, token="no such token").storage(nullcontext).open()


def test_invalid_module_stops_start_by_name(pkcs11_keys, tmp_path):
    module = tmp_path / "module.so"
    module.write_text("nothing to load")

    with pytest.raises(KeyFault, match=r"module\.so"):
        replace(pkcs11_keys.store, module=module).storage(nullcontext).open()


def test_pkcs11_without_rs256_stops_start(pkcs11_keys):
    class Slot:
        def get_mechanisms(self):
            return set()

    class Poor:
        def run(self, work):
            return work(self)

        def get_objects(self, template):
            return []

        @property
        def token(self):
            return self

        slot = Slot()

    with pytest.raises(KeyFault, match="SHA256_RSA_PKCS"):
        Pkcs11Keys(Poor(), nullcontext).open()


def test_missing_package_error_names_package():
    program = (
        "import sys; sys.modules['pkcs11'] = None\n"
        "from auth_service.signing.pkcs11_session import package\n"
        "from auth_service.signing.pem import KeyFault\n"
        "try: package()\n"
        "except KeyFault as fault: print(fault)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "pip install 'auth-service[pkcs11]'" in done.stdout


def test_pem_keys_load_no_pkcs11_package():
    program = "import sys, auth_service.app; print('pkcs11' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
