"""The reason of a failed fetch, as `last_error` gives it."""

import datetime as dt
import socket

import pytest
import requests
from touchstone.following.follower import Follower


def test_unknown_ca_is_reported(health, site):
    error = health(f"https://127.0.0.1:{site().port}")["last_error"]
    assert error == "SSLError: certificate verify failed: unable to get local issuer certificate"


def test_certificate_of_other_name_is_reported(health, site, company, bundle):
    url = f"https://localhost:{site(company.issue_cert('elsewhere.example')).port}"
    error = health(url, ca=bundle)["last_error"]
    assert error.startswith("SSLError: certificate verify failed: Hostname mismatch")


def test_expired_certificate_is_reported(health, site, company, bundle):
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = company.issue_cert("127.0.0.1", not_before=past, not_after=past + dt.timedelta(days=1))
    error = health(f"https://127.0.0.1:{site(certificate).port}", ca=bundle)["last_error"]
    assert error == "SSLError: certificate verify failed: certificate has expired"


def test_server_without_tls_is_reported(health, server):
    error = health(server.url.replace("http:", "https:"))["last_error"]
    assert error.startswith("SSLError: TLS failed: ")


def test_refused_connection_is_reported(health):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert health(f"http://127.0.0.1:{port}")["last_error"] == "ConnectionError: Connection refused"


def test_unknown_host_is_reported(health):
    error = health("http://issuer.invalid")["last_error"]
    assert error == "ConnectionError: the host name cannot be resolved"


def test_truncated_response_is_reported(health, server, response):
    server.plan(response(200, b"{", {"Content-Length": "0"}, before=lambda: 1 / 0))
    error = health(server.url)["last_error"]
    assert error == "ConnectionError: the connection was closed before the response was complete"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b"{}", "BadResponseError: answered 404"),
        (200, b"<html>", "JSONDecodeError: the response is not JSON"),
        (200, b"\xff", "ValueError: not UTF-8"),
        (200, b"[]", "ValueError: not a JWK Set"),
        (200, b'{"keys": []}', "ValueError: the JWK Set has no usable key"),
    ],
)
def test_unusable_response_is_reported(health, server, response, status, body, error):
    server.plan(response(status, body))
    assert health(server.url)["last_error"] == error


def test_silent_server_is_reported(make_clock):
    class Silent(requests.adapters.BaseAdapter):
        def send(self, *args, **kwargs):
            raise requests.ReadTimeout("http://user:secret@host")

        def close(self):
            pass

    def session():
        made = requests.Session()
        made.mount("http://", Silent())
        return made

    follower = Follower("http://issuer.example", bytes, session=session, clock=make_clock())
    follower.poll()
    follower.close()
    assert follower.last_error == "ReadTimeout: timed out"
