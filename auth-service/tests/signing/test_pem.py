"""Key files that a passphrase encrypts."""

import stat
import subprocess

import pytest
from auth_service.make_keys import main
from auth_service.settings import Settings
from auth_service.signing import pem
from auth_service.signing.pem import KeyFault
from auth_service.signing.pem_folder import KeyFolder
from pydantic import SecretStr
from service_kit.settings import load
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
        (None, "KEY_PASSPHRASE is needed"),
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


def run(app, *args):
    return app.test_cli_runner().invoke(args=["keys", *args])


def test_encrypt_command_names_plain_files(make_app, keys_dir):
    app = make_app(key_passphrase=PASSPHRASE)
    (file,) = (keys_dir / "signing").glob("*.pem")

    first, again = run(app, "encrypt"), run(app, "encrypt")

    assert (first.exit_code, first.stdout) == (0, f"encrypted {file.name}\n")
    assert (again.exit_code, again.stdout) == (0, "nothing to encrypt\n")
    assert app.test_client().get("/readyz").status_code == 200


def test_encrypt_command_needs_passphrase(app):
    done = run(app, "encrypt")

    assert done.exit_code == 1
    assert "KEY_PASSPHRASE" in done.stderr


def faults(capsys, tmp_path, environment, secrets=None):
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, value in (secrets or {}).items():
        (folder / name).write_text(value)
    with pytest.raises(SystemExit) as left:
        load(Settings, secrets_dir=folder)
    assert left.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def environment(monkeypatch, keys_dir):
    """Set the variables that the settings are read from."""

    def put(**variables):
        for name, value in {"DATABASE_URL": "sqlite:///x.db", "KEYS_DIR": str(keys_dir), **variables}.items():
            monkeypatch.setenv(name, value)

    put()
    return put


def test_passphrase_comes_from_secret_file(environment, tmp_path):
    (tmp_path / "key_passphrase").write_text(PASSPHRASE + "\n")

    settings = load(Settings, secrets_dir=tmp_path)

    assert settings.signing.passphrase == SecretStr(PASSPHRASE)
    assert PASSPHRASE not in repr(settings)


def test_wrong_passphrase_is_settings_error(environment, keys_dir, tmp_path, capsys, clock):
    key_name = KeyFolder(keys_dir / "signing", SecretStr(PASSPHRASE)).create(clock())

    told = faults(capsys, tmp_path, environment, {"key_passphrase": "another one, as long as it"})

    assert "KEYS_DIR" in told
    assert key_name.kid in told
    assert "another one" not in told


def test_short_passphrase_is_refused(environment, tmp_path, capsys):
    told = faults(capsys, tmp_path, environment, {"key_passphrase": "hunter2"})

    assert "KEY_PASSPHRASE: must have 20 to 1000 characters" in told
    assert "hunter2" not in told


def test_missing_pkcs11_settings_are_named(environment, tmp_path, capsys):
    pytest.importorskip("pkcs11", reason="needs python-pkcs11: pip install 'auth-service[pkcs11]'")
    environment(SIGNING_STORE="pkcs11")

    told = faults(capsys, tmp_path, environment)

    for name in ("PKCS11_MODULE", "PKCS11_TOKEN", "PKCS11_PIN"):
        assert f"{name}: is required with SIGNING_STORE=pkcs11, and missing" in told


def test_missing_pkcs11_module_is_named(environment, tmp_path, capsys):
    pytest.importorskip("pkcs11", reason="needs python-pkcs11: pip install 'auth-service[pkcs11]'")
    environment(SIGNING_STORE="pkcs11", PKCS11_MODULE="/nowhere.so", PKCS11_TOKEN="t", PKCS11_PIN="1234")

    assert "PKCS11_MODULE: must name a file that exists" in faults(capsys, tmp_path, environment)


def test_too_short_rotation_is_refused(environment, tmp_path, capsys):
    environment(KEY_ROTATION_INTERVAL="119", JWKS_MAX_AGE="60")

    assert "KEY_ROTATION_INTERVAL: must be 0, or at least twice JWKS_MAX_AGE: 120" in faults(
        capsys, tmp_path, environment
    )


def test_make_keys_with_passphrase_encrypts(environment, tmp_path):
    environment(KEY_PASSPHRASE=PASSPHRASE)

    assert main(["--keys-dir", str(tmp_path)]) == 0

    (file,) = (tmp_path / "signing").glob("*.pem")
    assert pem.is_encrypted(file.read_bytes())
    assert not pem.is_encrypted((tmp_path / "clients" / "introspector.pem").read_bytes())


def test_make_keys_for_pkcs11_writes_no_pem(environment, tmp_path):
    environment(SIGNING_STORE="pkcs11")

    assert main(["--keys-dir", str(tmp_path)]) == 0

    assert list((tmp_path / "signing").glob("*.pem")) == []
