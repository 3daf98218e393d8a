"""Settings and start of orders-service."""

import importlib

import orders_service
import pytest
from orders_service.app import create_app
from orders_service.settings import Settings
from service_kit.settings import load


def test_missing_settings_are_all_named(monkeypatch, capsys):
    for name in ("DATABASE_URL", "KEYS_DIR"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(SystemExit) as stopped:
        load(Settings)

    said = capsys.readouterr().err
    assert (stopped.value.code, "DATABASE_URL" in said, "KEYS_DIR" in said) == (2, True, True)


@pytest.mark.parametrize("content", [None, b"no key"])
def test_keys_dir_without_client_key_is_named(monkeypatch, capsys, tmp_path, content):
    (tmp_path / "clients").mkdir()
    if content is not None:
        (tmp_path / "clients" / "orders-service.pem").write_bytes(content)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/orders.db")
    monkeypatch.setenv("KEYS_DIR", str(tmp_path))

    with pytest.raises(SystemExit):
        load(Settings)

    assert "KEYS_DIR: must hold the RSA key clients/orders-service.pem" in capsys.readouterr().err


def test_environment_alone_configures_app(monkeypatch, tmp_path, keys_dir):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/orders.db")
    monkeypatch.setenv("KEYS_DIR", str(keys_dir))

    app = orders_service.create_app()

    assert app is importlib.import_module("orders_service.wsgi").app
    assert app.test_client().get("/products").json["items"] == []
    app.extensions["engine"].dispose()


def test_start_needs_no_other_service(tmp_path, keys_dir):
    unreachable = {"issuer_backchannel": "http://127.0.0.1:1", "users_url": "http://127.0.0.1:1"}
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/o.db", keys_dir=keys_dir, **unreachable))

    assert app.test_client().get("/products").status_code == 200
    app.extensions["engine"].dispose()
