"""Settings of auth-service: every fault is named, and nothing starts."""

import pytest
from auth_service.settings import Settings
from pydantic import ValidationError
from service_kit.settings import faults, load


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
