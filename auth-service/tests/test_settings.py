"""Settings of auth-service: every fault is named, and nothing starts."""

import pytest
from auth_service.settings import Settings
from auth_service.signing.pem_folder import KeyFolder
from pydantic import SecretStr, ValidationError
from service_kit.settings import faults, load

PASSPHRASE = "a passphrase of many words"


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """`settings(**environment)`: what the service makes of this environment."""

    def read(**environment):
        for name in ("DATABASE_URL", "KEYS_DIR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return load(Settings, secrets_dir=tmp_path / "no such folder")

    return read


def printed_faults(capsys, tmp_path, environment, secrets=None):
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, value in (secrets or {}).items():
        (folder / name).write_text(value)
    with pytest.raises(SystemExit) as left:
        load(Settings, secrets_dir=folder)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_every_invalid_setting_is_named(settings, capsys):
    with pytest.raises(SystemExit) as stopped:
        settings(ACCESS_TOKEN_TTL="0", JWKS_MAX_AGE="soon", WAITING_REQUESTS="-1")

    message = capsys.readouterr().err
    assert stopped.value.code == 2
    for name in ("DATABASE_URL", "KEYS_DIR", "ACCESS_TOKEN_TTL", "JWKS_MAX_AGE", "WAITING_REQUESTS"):
        assert name in message


def test_readable_key_is_named_with_other_faults(settings, keys_dir, capsys):
    (key,) = (keys_dir / "signing").glob("*.pem")
    key.chmod(0o644)

    with pytest.raises(SystemExit):
        settings(KEYS_DIR=str(keys_dir), DATABASE_URL="mysql://x")

    message = capsys.readouterr().err
    assert key.name in message
    assert "DATABASE_URL" in message
    assert "Traceback" not in message


def test_status_list_settings_have_bounds(keys_dir, tmp_path):
    wrong = {"status_list_size": 65, "status_list_ttl": 0, "waiting_requests": 0}
    with pytest.raises(ValidationError) as error:
        Settings(database_url=f"sqlite:///{tmp_path}/x.db", keys_dir=keys_dir, **wrong)

    assert {line.partition(":")[0] for line in faults(error.value)} == {name.upper() for name in wrong}


def test_passphrase_comes_from_secret_file(environment, tmp_path):
    (tmp_path / "key_passphrase").write_text(PASSPHRASE + "\n")

    settings = load(Settings, secrets_dir=tmp_path)

    assert settings.signing.passphrase == SecretStr(PASSPHRASE)
    assert PASSPHRASE not in repr(settings)


def test_wrong_passphrase_is_settings_error(environment, keys_dir, tmp_path, capsys, clock):
    key_name = KeyFolder(keys_dir / "signing", SecretStr(PASSPHRASE)).create(clock())

    told = printed_faults(capsys, tmp_path, environment, {"key_passphrase": "another one, as long as it"})

    assert "KEYS_DIR" in told
    assert key_name.kid in told
    assert "another one" not in told


def test_short_passphrase_is_refused(environment, tmp_path, capsys):
    told = printed_faults(capsys, tmp_path, environment, {"key_passphrase": "hunter2"})

    assert "KEY_PASSPHRASE: must have 20 to 1000 characters" in told
    assert "hunter2" not in told


def test_missing_pkcs11_settings_are_named(environment, tmp_path, capsys):
    pytest.importorskip("pkcs11", reason="needs python-pkcs11: pip install 'auth-service[pkcs11]'")
    environment(SIGNING_STORE="pkcs11")

    told = printed_faults(capsys, tmp_path, environment)

    for name in ("PKCS11_MODULE", "PKCS11_TOKEN", "PKCS11_PIN"):
        assert f"{name}: is required with SIGNING_STORE=pkcs11, and missing" in told


def test_missing_pkcs11_module_is_named(environment, tmp_path, capsys):
    pytest.importorskip("pkcs11", reason="needs python-pkcs11: pip install 'auth-service[pkcs11]'")
    environment(SIGNING_STORE="pkcs11", PKCS11_MODULE="/nowhere.so", PKCS11_TOKEN="t", PKCS11_PIN="1234")

    assert "PKCS11_MODULE: must name a file that exists" in printed_faults(capsys, tmp_path, environment)


def test_too_short_rotation_is_refused(environment, tmp_path, capsys):
    environment(KEY_ROTATION_INTERVAL="119", JWKS_MAX_AGE="60")

    assert "KEY_ROTATION_INTERVAL: must be 0, or at least twice JWKS_MAX_AGE: 120" in printed_faults(
        capsys, tmp_path, environment
    )
