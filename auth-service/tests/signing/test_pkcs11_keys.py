"""A token of its own: keys that cannot be read out, and a session that is lost and found again."""

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
from auth_service.signing.pkcs11_keys import UNFINISHED, TokenKeys
from auth_service.signing.pkcs11_session import Connection
from pydantic import SecretStr
from service_kit.database.engine import file_lock


@pytest.fixture
def p11(softhsm):
    import pkcs11

    return pkcs11


@pytest.fixture
def connection(token_home):
    store = token_home.store
    return Connection(store.module, store.token, store.pin, token_home.ticks)


@pytest.fixture
def vault(connection, token_home):
    vault = TokenKeys(connection, lambda: file_lock(token_home.lock_file))
    vault.open()
    return vault


@pytest.fixture
def birth(vault, clock):
    with vault.locked():
        return vault.create(clock())


@pytest.fixture
def objects(connection, p11):
    """Everything in the token, as somebody sees it who is logged in: list(label, class)."""

    def listed():
        def look(session):
            return [(each.label, each[p11.Attribute.CLASS].name) for each in session.get_objects({})]

        return sorted(connection.run(look))

    return listed


def private(connection, p11, birth):
    return connection.run(
        lambda session: session.get_key(object_class=p11.ObjectClass.PRIVATE_KEY, label=name_of(birth))
    )


def test_private_key_cannot_be_exported(vault, connection, p11, birth):
    key = private(connection, p11, birth)
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


def test_private_key_can_only_sign(vault, connection, p11, birth):
    key = private(connection, p11, birth)

    assert [key[p11.Attribute[use]] for use in ("SIGN", "DECRYPT", "UNWRAP")] == [True, False, False]


def test_key_halves_are_labelled_without_file(vault, objects, birth, token_home):
    assert objects() == [(name_of(birth), "PRIVATE_KEY"), (name_of(birth), "PUBLIC_KEY")]
    assert not token_home.store.folder.exists()


def test_unfinished_key_is_removed_with_next(vault, connection, objects, p11, clock):
    connection.run(
        lambda session: session.generate_keypair(p11.KeyType.RSA, 2048, label=UNFINISHED, store=True)
    )
    assert dict(vault.keys()) == {}

    with vault.locked():
        birth = vault.create(clock())

    assert objects() == [(name_of(birth), "PRIVATE_KEY"), (name_of(birth), "PUBLIC_KEY")]


def test_half_deleted_key_is_removed_with_next(vault, connection, objects, p11, birth, clock):
    connection.run(
        lambda session: session.get_key(
            object_class=p11.ObjectClass.PUBLIC_KEY, label=name_of(birth)
        ).destroy()
    )
    assert dict(vault.keys()) == {}

    with vault.locked():
        other = vault.create(clock() + 1)

    assert objects() == [(name_of(other), "PRIVATE_KEY"), (name_of(other), "PUBLIC_KEY")]


def foreign(p11, connection, label, bits=2048, **template):
    """Put a key into the token that the vault did not make."""
    private = {p11.Attribute[name]: value for name, value in template.items()}

    def make(session):
        session.generate_keypair(p11.KeyType.RSA, bits, label=label, store=True, private_template=private)

    connection.run(make)


def test_other_objects_are_left_alone(vault, connection, objects, p11, clock):
    foreign(p11, connection, "somebody else's")

    with vault.locked():
        birth = vault.create(clock())

    assert list(vault.keys()) == [birth]
    assert len([label for label, _ in objects() if label == "somebody else's"]) == 2


BAD = {
    "of another thumbprint": {},
    "that can be read out": {"EXTRACTABLE": True},
    "that is small": {"bits": 1024},
}


@pytest.mark.parametrize("kind", BAD)
def test_foreign_key_stops_start_or_is_left_out(vault, connection, p11, kind, birth, capsys):
    label = name_of(KeyName(1_700_000_000, "A" * 43))
    foreign(p11, connection, label, **BAD[kind])

    for _ in range(3):
        assert list(vault.keys()) == [birth]
    assert capsys.readouterr().out.count(label) == 1
    with pytest.raises(KeyFault, match=label):
        vault.open()


def test_lost_session_is_reopened(vault, connection, birth):
    before = vault.sign(birth, b"message")

    connection.run(lambda session: session.close())

    assert vault.sign(birth, b"message") == before
    connection.run(lambda session: session.close())
    assert list(vault.keys()) == [birth]


def test_finalized_module_is_restarted(vault, p11, token_home, birth):
    p11.lib(str(token_home.store.module)).finalize()

    assert vault.sign(birth, b"message")


def test_connections_share_pkcs11_token(vault, token_home, birth):
    store = token_home.store
    other = TokenKeys(Connection(store.module, store.token, store.pin), vault.locked)

    for _ in range(2):
        assert other.sign(birth, b"message") == vault.sign(birth, b"message")


def test_two_pkcs11_tokens_do_not_interfere(vault, token_home, make_token, birth, clock):
    store = replace(token_home.store, token=make_token())
    other = store.vault(vault.locked)
    other.open()
    with other.locked():
        second = other.create(clock())

    assert vault.sign(birth, b"message")
    assert other.sign(second, b"message")
    assert (list(vault.keys()), list(other.keys())) == ([birth], [second])


@pytest.fixture
def unplugged(softhsm):
    """Take all tokens away, and bring them back."""
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


def test_absent_pkcs11_token_keeps_keys(token_home, unplugged):
    ring = token_home.ring()
    document, ticks = ring.document(), token_home.ticks
    unplugged.out()
    ticks.advance(1)

    assert ring.document() == document
    with pytest.raises(NoSigningKey) as refused:
        ring.sign({}, typ="at+jwt")
    with pytest.raises(NoSigningKey):
        ring.rotate()
    unplugged.back()
    deadline = threading.Event()
    for _ in range(40):  # it asks again after a second
        deadline.wait(0.1)
        if ring_signs(ring):
            break

    assert refused.value.retry_after == 5
    assert jwt.get_unverified_header(ring.sign({}, typ="at+jwt"))["kid"] in document[0].decode()


def ring_signs(ring):
    try:
        return bool(ring.sign({}, typ="at+jwt"))
    except NoSigningKey:
        return False


def test_absent_pkcs11_token_is_retried_rarely(vault, token_home, unplugged, birth):
    assert list(vault.keys()) == [birth]
    unplugged.out()
    with pytest.raises(KeyStorageUnavailable, match="cannot be opened"):
        vault.keys()
    with pytest.raises(KeyStorageUnavailable, match="is away"):
        vault.keys()
    unplugged.back()

    with pytest.raises(KeyStorageUnavailable, match="is away"):
        vault.sign(birth, b"message")
    token_home.ticks.advance(cryptoki.RETRY_AFTER)
    assert vault.sign(birth, b"message")


def test_wrong_pin_is_tried_once(token_home, p11):
    store = replace(token_home.store, pin=SecretStr("wrong, of course"))
    vault = store.vault(lambda: file_lock(token_home.lock_file))

    for _ in range(9):
        with pytest.raises(KeyFault, match="PKCS11_PIN") as fault:
            vault.open()
        assert "of course" not in str(fault.value)
    with pytest.raises(KeyStorageUnavailable):
        vault.keys()

    token_home.vault().open()
    flags = p11.lib(str(store.module)).get_token(token_label=store.token).flags
    assert p11.TokenFlag.USER_PIN_LOCKED not in flags


def test_unknown_pkcs11_token_stops_start(token_home):
    with pytest.raises(KeyFault, match="no such token"):
        replace(token_home.store, token="no such token").vault(nullcontext).open()


def test_invalid_module_stops_start_by_name(token_home, tmp_path):
    module = tmp_path / "module.so"
    module.write_text("nothing to load")

    with pytest.raises(KeyFault, match=r"module\.so"):
        replace(token_home.store, module=module).vault(nullcontext).open()


def test_pkcs11_without_rs256_stops_start(token_home):
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
        TokenKeys(Poor(), nullcontext).open()


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
