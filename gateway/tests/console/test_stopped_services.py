"""What the console's buttons ask of `make run`, and what the page knows before a log-in."""

import json

import pytest
from gateway.settings import Settings
from pydantic import ValidationError

OWN = ("Origin: http://localhost:8080", "X-Requested-With: touchstone")
STOP, START = "/console/services/auth-service/stop", "/console/services/auth-service/start"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "stopped.json"
    file.write_text('{"can_stop": ["auth-service"], "stopped": []}')
    return file


@pytest.fixture
def demo(start, file, issuer):
    with start(issuer.url, demo=True, stopped_services_file=file) as running:
        yield running


def described(gateway):
    response = gateway.request("GET", "/console/cluster")
    assert (response.status, response["content-type"]) == (200, "application/json")
    return json.loads(response.body)


def test_button_of_the_page_is_written_down(demo, file):
    stopped = {"can_stop": ["auth-service"], "stopped": ["auth-service"]}
    response = demo.request("POST", STOP, *OWN)
    assert (response.status, json.loads(response.body)) == (202, stopped)
    assert demo.request("POST", STOP, *OWN).status == 202
    assert json.loads(file.read_text()) == stopped
    assert described(demo).items() >= stopped.items()

    assert demo.request("POST", START, *OWN).status == 202
    assert described(demo)["stopped"] == json.loads(file.read_text())["stopped"] == []


@pytest.mark.parametrize(
    "headers",
    [
        (),
        OWN[:1],
        OWN[1:],
        (OWN[0], "X-Requested-With: other"),
        ("Origin: http://localhost:8081", OWN[1]),
        ("Origin: null", OWN[1]),
    ],
)
def test_button_of_another_page_is_refused(demo, file, headers):
    before = file.read_text()
    response = demo.request("POST", STOP, *headers)
    assert (response.status, response.problem()) == (403, "origin_not_allowed")
    assert file.read_text() == before


@pytest.mark.parametrize("name", ["users-service", "gateway", "unknown"])
def test_other_service_cannot_be_stopped(demo, file, name):
    before = file.read_text()
    assert demo.request("POST", f"/console/services/{name}/stop", *OWN).status == 404
    assert file.read_text() == before


def test_without_the_file_nothing_can_be_stopped(gateway):
    assert gateway.request("POST", STOP, *OWN).status == 404
    about = described(gateway)
    assert (about["can_stop"], about["stopped"]) == ([], [])
    assert (about["demo"], about["demo_accounts"], about["demo_password"]) == (False, [], None)


def test_demo_shows_its_accounts_and_password(demo):
    about = described(demo)
    assert about["issuer"] == "http://localhost:8080"
    assert {"email": "alice@example.com"} in about["demo_accounts"]
    assert about["demo_password"] == "correct-horse-battery-staple"


def test_password_of_the_operator_is_not_shown(start, issuer):
    with start(issuer.url, demo=True, demo_password="a password of one's own") as running:
        assert described(running)["demo_password"] is None


def test_file_without_demo_is_a_fault(file):
    with pytest.raises(ValidationError, match="must not be set without DEMO=1"):
        Settings.read(stopped_services_file=file)
