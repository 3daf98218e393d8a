"""Each service started alone: right and wrong settings, readiness, and SIGTERM."""

import re
import subprocess
from pathlib import Path

import pytest
import requests
from testkit.cluster import SERVICES
from testkit.concurrency import wait_for
from testkit.issuer import FakeIssuer
from testkit.keys import make_rsa
from testkit.token_signer import TokenSigner

SECRET = "hunter2-do-not-show"
WRONG = {
    "ISSUER": "ftp://somewhere",
    "ISSUER_BACKCHANNEL": "not a url",
    "LOG_LEVEL": "LOUD",
    "RATE_LIMITS": "perhaps",
    "AUTH_PORT": "0",
    "DEMO": "maybe",
    "DEMO_PASSWORD": SECRET,
}
# Wrong values of settings that only some services have.
WRONG_FOR = {
    "auth-service": {
        "DATABASE_URL": f"mysql://user:{SECRET}@host/db",
        "KEYS_DIR": "/no/such/folder",
        "ACCESS_TOKEN_TTL": "-5",
        "REFRESH_TOKEN_TTL": "315360001",
        "MAIL_FROM": "x <y@z> extra",
    },
    "users-service": {"DATABASE_URL": "sqlite:////no/such/folder/users.db"},
    "orders-service": {"DATABASE_URL": "sqlite://", "KEYS_DIR": "/no/such/folder"},
    "gateway": {},
}
REQUIRED = {
    "auth-service": {"DATABASE_URL", "KEYS_DIR"},
    "users-service": {"DATABASE_URL"},
    "orders-service": {"DATABASE_URL", "KEYS_DIR"},
}


@pytest.fixture(params=list(SERVICES))
def service(request):
    return request.param


@pytest.fixture
def start_flask(launch):
    """`start_flask(service, settings)`: start one service with Flask's command."""
    return lambda service, settings: launch(
        "flask", "--app", f"{SERVICES[service].package}.wsgi", "run", "--port", "{port}", **settings
    )


@pytest.fixture
def start_server(launch):
    """`start_server(service, settings)`: start one service with its production server."""

    def start(service, settings, **options):
        if service == "gateway":  # it brings its own server
            return launch("gateway", **settings | {"GATEWAY_PORT": "{port}"}, **options)
        command = SERVICES[service].command(0)[2:]
        return launch(*("{port}" if word == "0" else word for word in command), **settings, **options)

    return start


@pytest.fixture
def settings(cluster, tmp_path):
    """`settings(service, **more)`: the shared cluster's settings of a service, with its own database and snapshots."""

    def choose(service, **more):
        own = cluster.environment(service)
        if "DATABASE_URL" in own:
            own["DATABASE_URL"] = f"sqlite:///{tmp_path / 'own.db'}"
        return own | {"SNAPSHOTS_DIR": str(tmp_path / "snapshots")} | more

    return choose


def ended(launched):
    try:
        return launched.process.wait(120)
    except subprocess.TimeoutExpired:
        return None


def unnamed(settings, launched):
    return {name for name in settings if not re.search(rf"\b{name}\b", launched.text)}


def answers(own):
    try:
        return own("GET", "/livez").status_code == 200
    except requests.ConnectionError:
        return False


def test_wrong_settings_are_all_named(start_server, service):
    wrong = WRONG | WRONG_FOR.get(service, {})

    launched = start_server(service, wrong)

    assert ended(launched) not in (0, None), launched.text
    assert unnamed(wrong, launched) == {"DEMO_PASSWORD"}
    assert "Traceback" not in launched.text
    assert SECRET not in launched.text


@pytest.mark.parametrize(("service", "required"), list(REQUIRED.items()))
def test_missing_settings_are_all_named(start_flask, service, required):
    launched = start_flask(service, {})

    assert ended(launched) not in (0, None), launched.text
    assert unnamed(required, launched) == set()
    assert "Traceback" not in launched.text


@pytest.mark.parametrize("service", ["auth-service", "users-service", "orders-service"])
def test_unreachable_database_is_explained(start_server, settings, service):
    nowhere = f"postgresql://user:{SECRET}@127.0.0.1:9/x"

    launched = start_server(service, settings(service, DATABASE_URL=nowhere))

    assert ended(launched) not in (0, None), launched.text
    assert "no server answers at this address" in launched.text
    assert "Traceback" not in launched.text
    assert SECRET not in launched.text


@pytest.mark.parametrize("service", ["auth-service", "gateway"])
def test_demo_settings_are_refused_off_loopback(start_server, settings, service):
    elsewhere = {"ISSUER": "https://auth.example.com", "DEMO": "1", "RATE_LIMITS": "off"}

    launched = start_server(service, settings(service, **elsewhere))

    assert ended(launched) not in (0, None), launched.text
    assert unnamed(("DEMO", "RATE_LIMITS"), launched) == set()
    assert "Traceback" not in launched.text


@pytest.mark.parametrize(("service", "path"), [("orders-service", "/orders"), ("users-service", "/users/me")])
def test_resource_server_needs_only_issuer(start_flask, settings, ready, client_at, service, path):
    signer = TokenSigner("http://localhost:8080", audience=service)
    impostor = TokenSigner(signer.issuer, make_rsa(which=1), audience=service, kid=signer.kid)
    with FakeIssuer(signer=signer) as issuer:
        alone = settings(service, ISSUER=signer.issuer, ISSUER_BACKCHANNEL=issuer.url)
        own = client_at(ready(start_flask(service, alone)).url)

        assert own("GET", path, token=signer.sign()).status_code == 200
        assert own("GET", path, token=impostor.sign()).status_code == 401


def test_auth_service_alone_logs_in(start_flask, settings, ready, client_at, alice):
    own = client_at(ready(start_flask("auth-service", settings("auth-service"))).url)

    answer = own("POST", "/login", json=alice.credentials)

    assert answer.status_code == 200


def test_gateway_alone_is_alive(start_server, settings, client_at):
    launched = start_server("gateway", settings("gateway"))

    wait_for(lambda: answers(client_at(launched.url)), what="the gateway")


def test_resource_server_without_issuer_is_not_ready(start_flask, settings, client_at):
    alone = settings("users-service", ISSUER_BACKCHANNEL="http://127.0.0.1:9")
    launched = start_flask("users-service", alone)
    own = client_at(launched.url)
    wait_for(lambda: answers(own), what="the server")

    ready = own("GET", "/readyz")
    guarded = own("GET", "/users/me", token=TokenSigner().sign())

    assert own("GET", "/livez").status_code == 200
    assert ready.status_code == 503
    assert ready.json()
    assert guarded.status_code == 503
    assert int(guarded.headers["Retry-After"]) >= 1


def test_sigterm_ends_service_cleanly(start_server, settings, ready, service):
    launched = ready(start_server(service, settings(service), imported=False))

    launched.process.terminate()

    assert ended(launched) == 0, launched.text
    assert "Traceback" not in launched.text


def test_sigterm_while_gateway_starts_ends_it(start_server, settings):
    """The main process passes it on to a worker that has no handlers of its own yet."""
    launched = start_server("gateway", settings("gateway"))
    children = Path(f"/proc/{launched.process.pid}/task/{launched.process.pid}/children")
    wait_for(children.read_text)

    launched.process.terminate()

    assert ended(launched) == 0, launched.text


@pytest.mark.parametrize("service", ["orders-service", "gateway"])
def test_killed_server_leaves_no_worker(start_server, settings, ready, client_at, service):
    launched = ready(start_server(service, settings(service), imported=False))

    launched.process.kill()

    wait_for(lambda: not answers(client_at(launched.url)), what="the worker's end")
