"""Key files that a passphrase encrypts."""

import stat
import subprocess

import pytest
from auth_service.signing import pem
from auth_service.signing.pem import KeyFault
from auth_service.signing.pem_folder import KeyFolder
from pydantic import SecretStr
from testkit.keys import make_rsa, thumbprint

PASSPHRASE = "a passphrase of many words"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "signing"


@pytest.fixture
def key_storage(path):
    folder = KeyFolder(path, SecretStr(PASSPHRASE))
    folder.open()
    return folder


@pytest.fixture
def plain(path, key_storage):
    """The file of an unencrypted key, beside the other keys."""
    key = make_rsa()
    file = path / f"1700000000-{thumbprint(key.public_key())}.pem"
    pem.write(file, pem.private_pem(key), 0o600)
    return file


def test_new_key_is_encrypted_for_openssl(key_storage, path, clock):
    key_name = key_storage.create(clock())

    (file,) = path.glob("*.pem")
    assert file.name == f"{key_name.created_at}-{key_name.kid}.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    command = ["openssl", "pkey", "-in", str(file), "-passin", f"pass:{PASSPHRASE}", "-noout", "-check"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_plain_and_encrypted_keys_are_read(key_storage, plain, clock):
    key_name = key_storage.create(clock())

    assert [each.created_at for each in sorted(key_storage.keys())] == [1_700_000_000, key_name.created_at]


@pytest.mark.parametrize(
    ("passphrase", "why"),
    [
        (None, "set KEY_PASSPHRASE"),
        ("another one, as long as it", "cannot be opened with KEY_PASSPHRASE"),
    ],
)
def test_wrong_passphrase_names_file_alone(key_storage, path, clock, passphrase, why):
    key_name = key_storage.create(clock())

    with pytest.raises(KeyFault, match=why) as fault:
        KeyFolder(path, SecretStr(passphrase) if passphrase else None).open()

    assert key_name.kid in str(fault.value)
    assert PASSPHRASE not in str(fault.value)
    assert str(passphrase) not in str(fault.value)


def test_plain_files_are_encrypted_in_place(key_storage, plain, clock):
    key_name = key_storage.create(clock())
    before = dict(key_storage.keys())

    assert key_storage.encrypt() == [plain.name]

    assert pem.is_encrypted(plain.read_bytes())
    assert stat.S_IMODE(plain.stat().st_mode) == 0o600
    assert {kept: key.public_numbers() for kept, key in key_storage.keys().items()} == {
        kept: key.public_numbers() for kept, key in before.items()
    }
    assert key_name in before
    assert key_storage.encrypt() == []


def test_encrypting_leaves_other_files(key_storage, plain, path):
    (path / "notes.txt").write_text("hello")

    key_storage.encrypt()

    assert (path / "notes.txt").read_text() == "hello"


def test_encrypting_needs_passphrase(path, plain):
    before = plain.read_bytes()

    with pytest.raises(KeyFault, match="KEY_PASSPHRASE"):
        KeyFolder(path).encrypt()
    assert plain.read_bytes() == before
