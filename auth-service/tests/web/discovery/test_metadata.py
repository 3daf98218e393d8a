"""The public documents, the commands, the settings."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from auth_service.settings import Settings
from auth_service.web.long_polling import LongPolls, preferred_wait
from hypothesis import given
from hypothesis import strategies as st
from service_kit.settings import load
from testkit.clock import FakeClock

JWKS = "/.well-known/jwks.json"


def test_the_keys_are_public_cacheable_and_answer_conditional_requests(client):
    answer = client.get(JWKS)
    again = client.get(JWKS, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.mimetype == "application/json"
    assert len(answer.get_json()["keys"]) == 1
    assert "Preference-Applied" not in answer.headers
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    assert client.get(JWKS, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_max_age_is_a_setting(make_app):
    assert make_app(jwks_max_age=7).test_client().get(JWKS).headers["Cache-Control"] == "public, max-age=7"


def test_a_request_that_prefers_to_wait_is_held_until_the_keys_change(app):
    client, rotating = app.test_client(), app.test_cli_runner()
    known = client.get(JWKS).headers["ETag"]
    answers, asked = [], Event()

    def ask():
        asked.set()
        headers = {"If-None-Match": known, "Prefer": "wait=25"}
        answers.append(app.test_client().get(JWKS, headers=headers))

    waiting = Thread(target=ask)
    waiting.start()
    asked.wait(20)
    rotating.invoke(args=["keys", "rotate"])
    waiting.join(20)

    (answer,) = answers
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=25")
    assert len(answer.get_json()["keys"]) == 2


def test_a_request_that_knows_nothing_yet_is_answered_at_once_though_it_would_wait(client):
    assert client.get(JWKS, headers={"Prefer": "wait=25"}).status_code == 200


def test_a_wait_ends_with_nothing_new_as_a_304(client):
    known = client.get(JWKS).headers["ETag"]

    answer = client.get(JWKS, headers={"If-None-Match": known, "Prefer": "wait=1"})

    assert (answer.status_code, answer.headers["Preference-Applied"]) == (304, "wait=1")


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("wait=5", 5),
        ("Wait=5", 5),
        ('wait="5"', 5),
        ("wait = 5", 5),
        ("respond-async, wait=5", 5),
        ("wait=5; x=y, wait=9", 5),
        ("wait=26", 25),
        ("wait=99999999999999999999", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=\u0665", 0),
        ("wait", 0),
        ("waiting=5", 0),
    ],
)
def test_a_preferred_wait_is_whole_seconds_and_at_most_25(prefer, seconds):
    assert preferred_wait(prefer) == seconds


@given(st.text(max_size=60))
def test_no_preference_whatever_is_an_error(prefer):
    assert 0 <= preferred_wait(prefer) <= 25


def test_who_waits_sleeps_until_called_and_then_looks_again():
    room, looks = LongPolls(1), []

    def changed():
        looks.append(None)
        if len(looks) < 3:
            Thread(target=room.wake).start()
        return len(looks) == 3

    assert room.hold(25, changed) is True
    assert len(looks) == 3


def test_a_call_between_a_look_and_the_sleep_after_it_is_not_missed():
    room, looks = LongPolls(1), []

    def changed():
        looks.append(None)
        room.wake()
        return len(looks) == 2

    assert room.hold(25, changed) is True


def test_a_wait_ends_when_its_time_is_over():
    clock = FakeClock(0)

    def changed():
        clock.advance(5)
        room.wake()
        return False

    room = LongPolls(1, ticks=clock)
    assert room.hold(10, changed) is True
    assert clock() >= 10


def test_nobody_waits_any_longer_once_the_process_is_told_to_end():
    told = Event()
    room = LongPolls(2, stopping=told)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(room.hold, 25, lambda: False)
        told.set()
        assert held.result(20) is True
    assert room.hold(25, lambda: pytest.fail("waited")) is True


def test_past_the_bound_nobody_waits_and_each_of_them_is_counted():
    refused = []
    room = LongPolls(1)

    assert room.hold(25, lambda: refused.append(room.hold(5, lambda: False)) or True) is True
    assert (refused, room.refused, room.waiting) == ([False], 1, 0)
    assert room.hold(1, lambda: True) is True
    assert room.hold(0, lambda: True) is False


def test_a_place_is_free_again_when_the_look_fails():
    room = LongPolls(1)

    with pytest.raises(RuntimeError):
        room.hold(25, lambda: (_ for _ in ()).throw(RuntimeError))

    assert room.waiting == 0


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
)
def test_the_metadata_names_what_is_there_under_the_issuers_name(client, app, path):
    answer = client.get(path)

    document = answer.get_json()
    assert document["issuer"] == "http://localhost:8080"
    assert "max-age" in answer.headers["Cache-Control"]
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    for name in (
        "jwks_uri",
        "token_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "status_list_aggregation_endpoint",
    ):
        assert document[name].removeprefix("http://localhost:8080") in routes
    assert set(document["grant_types_supported"]) == {
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:device_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }


def test_the_openapi_document_names_every_route(client):
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
        JWKS,
    } <= set(document["paths"])
    form = document["paths"]["/oauth/token"]["post"]["requestBody"]["content"]
    assert set(form) == {"application/x-www-form-urlencoded"}


def test_it_is_ready_with_a_database_and_a_key_and_not_without(client, keys_dir, app):
    assert client.get("/readyz").status_code == 200
    for file in (keys_dir / "signing").glob("*.pem"):
        file.unlink()
    app.test_cli_runner().invoke(args=["keys", "list"])  # looks at the folder at once

    assert client.get("/readyz").get_json()["reasons"] == {"keys": "no signing key is available"}
    answer = client.post(
        "/login", json={"email": "alice@example.com", "password": "correct-horse-battery-staple"}
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.fixture
def run(app):
    return lambda *args: app.test_cli_runner().invoke(args=["keys", *args])


def test_the_keys_can_be_listed_rotated_withdrawn_and_pruned(run, clock):
    (first,) = [line.split() for line in run("list").output.splitlines()[1:]]
    assert first[1] == "current"
    added = run("rotate").output
    assert added.startswith("added ")
    assert "signs from 2027-01-15T08:02:00Z" in added
    assert [line.split()[1] for line in run("list").output.splitlines()[1:]] == ["current", "next"]
    assert run("prune").output == "nothing to remove\n"
    clock.advance(1000)
    assert run("prune").output == f"removed {first[0]}\n"
    second = added.split()[1].rstrip(",")
    withdrawn = run("withdraw", second).output
    assert withdrawn.startswith(f"withdrew {second}\nadded ")


def test_withdrawing_one_of_two_keys_makes_none(run):
    kid = run("rotate").output.split()[1].rstrip(",")

    assert run("withdraw", kid).output == f"withdrew {kid}\n"


def test_withdrawing_a_key_that_is_not_there_is_an_error_without_a_traceback(run):
    answer = run("withdraw", "nothing")

    assert (answer.exit_code, answer.output) == (1, "Error: no signing key has the id 'nothing'\n")


@pytest.mark.parametrize("command", [[], ["list"], ["rotate"], ["withdraw"], ["prune"]])
def test_every_command_explains_itself(run, command):
    answer = run(*command, "--help")

    assert (answer.exit_code, "Usage:" in answer.output) == (0, True)


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


def test_every_fault_of_the_settings_is_named_at_once(settings, capsys):
    with pytest.raises(SystemExit) as left:
        settings(ACCESS_TOKEN_TTL="0", JWKS_MAX_AGE="soon", WAITING_REQUESTS="-1")

    told = capsys.readouterr().err
    assert left.value.code == 2
    for name in ("DATABASE_URL", "KEYS_DIR", "ACCESS_TOKEN_TTL", "JWKS_MAX_AGE", "WAITING_REQUESTS"):
        assert name in told


def test_a_key_that_others_can_read_stops_the_start_with_the_other_faults(settings, keys_dir, capsys):
    (key,) = (keys_dir / "signing").glob("*.pem")
    key.chmod(0o644)

    with pytest.raises(SystemExit):
        settings(KEYS_DIR=str(keys_dir), DATABASE_URL="mysql://x")

    told = capsys.readouterr().err
    assert key.name in told
    assert "DATABASE_URL" in told
    assert "Traceback" not in told


def test_the_service_can_be_started_the_way_servers_start_it(monkeypatch, keys_dir, tmp_path):
    monkeypatch.setenv("KEYS_DIR", str(keys_dir))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/served.db")
    from auth_service import create_app

    app = create_app()

    assert app.test_client().get("/livez").get_json() == {"status": "alive"}
    assert json.loads(app.test_client().get(JWKS).data)["keys"]
    app.extensions["jobs"]["key rotation"].stop()
    app.extensions["jobs"]["change watcher"].stop()
    app.extensions["engine"].dispose()
    sys.modules.pop("auth_service.wsgi")
