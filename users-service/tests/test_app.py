"""Settings and start of users-service."""

import importlib

import pytest
import users_service
from service_kit.settings import load
from users_service.settings import Settings


def test_missing_database_url_stops_start(monkeypatch, capsys):
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(SystemExit) as stopped:
        load(Settings)

    assert stopped.value.code == 2
    assert "DATABASE_URL" in capsys.readouterr().err


def test_environment_alone_configures_app(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/users.db")

    app = users_service.create_app()

    assert app is importlib.import_module("users_service.wsgi").app
    assert app.test_client().get("/livez").status_code == 200
    app.extensions["engine"].dispose()
