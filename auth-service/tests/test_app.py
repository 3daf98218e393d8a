"""The service as a whole: its API document, readiness and start."""

import json
import sys
import threading
from threading import Event

from auth_service.domain.audit_log import AuditQuery

INTERVAL = 10_000


def test_openapi_document_has_routes(client):
    document = client.get("/openapi.json").get_json()

    assert document["openapi"].startswith("3.1")
    assert {
        "/accounts",
        "/login",
        "/logout",
        "/logout/all",
        "/account/password",
        "/oauth/token",
        "/oauth/revoke",
        "/oauth/introspect",
        "/status-lists",
        "/status-lists/{number}",
        "/.well-known/jwks.json",
    } <= set(document["paths"])
    form = document["paths"]["/oauth/token"]["post"]["requestBody"]["content"]
    assert set(form) == {"application/x-www-form-urlencoded"}


def test_readiness_needs_signing_key(client, keys_dir, app):
    assert client.get("/readyz").status_code == 200
    for file in (keys_dir / "signing").glob("*.pem"):
        file.unlink()
    app.test_cli_runner().invoke(args=["keys", "list"])  # looks at the folder at once

    assert client.get("/readyz").get_json()["reasons"] == {"keys": "no signing key is available"}
    answer = client.post(
        "/login", json={"email": "alice@example.com", "password": "correct-horse-battery-staple"}
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_wsgi_app_starts_from_environment(monkeypatch, keys_dir, tmp_path):
    monkeypatch.setenv("KEYS_DIR", str(keys_dir))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/served.db")
    from auth_service import create_app

    app = create_app()

    assert app.test_client().get("/livez").get_json() == {"status": "alive"}
    assert json.loads(app.test_client().get("/.well-known/jwks.json").data)["keys"]
    app.extensions["jobs"]["key rotation"].stop()
    app.extensions["jobs"]["change watcher"].stop()
    app.extensions["engine"].dispose()
    sys.modules.pop("auth_service.wsgi")


def test_watcher_starts_with_first_request(make_app):
    app, started = make_app(), Event()
    app.before_request(started.set)

    assert app.extensions["jobs"]["change watcher"]._thread is None
    app.test_client().get("/livez")
    assert started.is_set()
    assert app.extensions["jobs"]["change watcher"]._thread.is_alive()


def test_first_request_starts_rotation(make_app, clock, sqlite):
    app = make_app(key_rotation_interval=INTERVAL)
    clock.advance(INTERVAL)
    schedule = app.extensions["jobs"]["key rotation"]
    client = app.test_client()
    looked = threading.Event()
    work = schedule._work
    schedule._work = lambda: (work(), looked.set())
    assert schedule._thread is None

    client.get("/livez")
    assert looked.wait(20)
    schedule.stop()

    with sqlite.reading() as tx:
        newest = tx.audit.list_newest(AuditQuery(), 9)[0]
    assert (newest.event, newest.actor) == ("key_rotated", "schedule")


def test_command_starts_no_thread(make_app):
    app = make_app(key_rotation_interval=INTERVAL)

    app.test_cli_runner().invoke(args=["keys", "list"])

    assert app.extensions["jobs"]["key rotation"]._thread is None


def test_zero_interval_schedules_nothing(make_app):
    app = make_app(key_rotation_interval=0)

    assert "key rotation" not in app.extensions["jobs"]
