"""Redirect URIs, compared as strings except for the port of a loopback address."""

import pytest
from auth_service.domain.oauth.redirect_uris import add_parameters, is_registered

ISSUER = "https://id.example"
WEB = "https://app.example/callback"
NATIVE = "http://127.0.0.1/callback"
SIX = "http://[::1]/callback"
APP = "com.example.app:/callback"
HOST_OF_APP = "com.example.app://callback"
LOCAL = "http://localhost/callback"

GOOD = {
    "the very same": (WEB, WEB),
    "an app's own scheme": (APP, APP),
    "an app's own scheme with a host": (HOST_OF_APP, HOST_OF_APP),
    "an app's own scheme alone": ("com.example.app://", "com.example.app://"),
    "below the issuer": ("https://id.example/bff/callback", "/bff/callback"),
    "IPv4 loopback without a port": (NATIVE, NATIVE),
    "IPv4 loopback with a port": ("http://127.0.0.1:51004/callback", NATIVE),
    "IPv4 loopback with another port than registered": (
        "http://127.0.0.1:5/callback",
        "http://127.0.0.1:4/callback",
    ),
    "IPv6 loopback with a port": ("http://[::1]:51004/callback", SIX),
    "localhost with a port, registered without": ("http://localhost:3000/callback", LOCAL),
    "localhost as it is registered": ("http://localhost:3000/callback", "http://localhost:3000/callback"),
}
BAD = {
    "nothing": ("", WEB),
    "another host": ("https://evil.example/callback", WEB),
    "a longer path": (WEB + "/more", WEB),
    "a path with dots": ("https://app.example/x/../callback", WEB),
    "another case": ("https://APP.example/callback", WEB),
    "an encoded letter": ("https://app.example/callbac%6b", WEB),
    "a query that was not registered": (WEB + "?x=1", WEB),
    "a fragment": (WEB + "#x", WEB),
    "a user before the host": ("https://app.example@evil.example/callback", WEB),
    "another port of a web address": ("https://app.example:8443/callback", WEB),
    "plain http": ("http://app.example/callback", WEB),
    "another scheme of an app": ("com.example.app2:/callback", APP),
    "an app's host for its path": (HOST_OF_APP, APP),
    "another host of an app": ("com.example.app://callback2", HOST_OF_APP),
    "an app's host with a port": ("com.example.app://callback:1", HOST_OF_APP),
    "an app's host with a slash": ("com.example.app://callback/", HOST_OF_APP),
    "an app's scheme in another case": ("COM.example.app://callback", HOST_OF_APP),
    "loopback by https": ("https://127.0.0.1:5/callback", NATIVE),
    "loopback with another path": ("http://127.0.0.1:5/other", NATIVE),
    "loopback with a query": ("http://127.0.0.1:5/callback?x=1", NATIVE),
    "another loopback address": ("http://127.0.0.2/callback", NATIVE),
    "a host that only begins like it": ("http://127.0.0.1.evil.example/callback", NATIVE),
    "a user before the loopback address": ("http://127.0.0.1:5@evil.example/callback", NATIVE),
    "port nought": ("http://127.0.0.1:0/callback", NATIVE),
    "a port of six digits": ("http://127.0.0.1:123456/callback", NATIVE),
    "an empty port": ("http://127.0.0.1:/callback", NATIVE),
    "IPv4 for IPv6": ("http://127.0.0.1:5/callback", SIX),
    "localhost for 127.0.0.1": ("http://localhost/callback", NATIVE),
    "127.0.0.1 for localhost": (NATIVE, LOCAL),
    "another port of localhost than registered": (
        "http://localhost:3001/callback",
        "http://localhost:3000/callback",
    ),
    "a host that only begins like localhost": ("http://localhost.evil.example/callback", LOCAL),
    "below another issuer": ("https://other.example/bff/callback", "/bff/callback"),
    "the bare path": ("/bff/callback", "/bff/callback"),
    "a line break at the end": (NATIVE + "\n", NATIVE),
    "more than 2,000 characters": ("https://app.example/" + "a" * 2000, "https://app.example/" + "a" * 2000),
}


@pytest.mark.parametrize("case", GOOD)
def test_redirect_uri_matches(case):
    uri, known = GOOD[case]

    assert is_registered(uri, ["https://first.example/", known], ISSUER)


@pytest.mark.parametrize("case", BAD)
def test_redirect_uri_does_not_match(case):
    uri, known = BAD[case]

    assert not is_registered(uri, [known], ISSUER)


def test_client_without_redirect_uris_matches_none():
    assert not is_registered(WEB, [], ISSUER)


@pytest.mark.parametrize(
    ("uri", "parameters", "expected"),
    [
        (WEB, {"code": "a b", "state": None}, WEB + "?code=a+b"),
        (WEB + "?x=1", {"state": "&=é"}, WEB + "?x=1&state=%26%3D%C3%A9"),
        (WEB, {"state": None}, WEB),
    ],
)
def test_parameters_extend_any_query(uri, parameters, expected):
    assert add_parameters(uri, parameters) == expected
