"""Redirect URIs: other servers sent codes or users to unregistered ones."""

from urllib.parse import urlencode, urlsplit

import pytest

HOME = "127.0.0.1"
WRONG = {
    "http://127.0.0.1:49152/CALLBACK": "CVE-2020-15234 (ory/fosite): compared in lower case",
    "HTTP://127.0.0.1:49152/callback": "CVE-2020-15234 (ory/fosite), the scheme",
    "http://127.0.0.1:49152/callback?bar=foo": "CVE-2020-15233 (ory/fosite): the query of loopback addresses ignored",
    "http://localhost:49152/callback": "CVE-2024-8883 (Keycloak): one loopback name accepted for the other",
    "http://127.0.0.1.evil.example/callback": "CVE-2024-8883 (Keycloak), a prefix",
    "http://127.0.0.1:49152@evil.example/callback": "GHSA-mpwq-j3xf-7m5w (Keycloak): a host in the user-info",
    "http://evil.example@127.0.0.1:49152/callback": "GHSA-mpwq-j3xf-7m5w (Keycloak), the other way round",
    "http://a@b@evil.example@127.0.0.1/callback": "CVE-2026-7504 (Keycloak): more than one @",
    "http://127.0.0.1:49152/x/..;/callback": "CVE-2026-3872 (Keycloak): ..;/",
    "http://127.0.0.1:49152/x/../callback": "CVE-2026-3872 (Keycloak), plain",
    "http://127.0.0.1:49152/callback/../evil": "CVE-2026-3872 (Keycloak), onwards",
    "http://127.0.0.1:49152/callback%2f..%2fevil": "CVE-2026-3872 (Keycloak), encoded",
    "JavaScript:alert(1)//127.0.0.1/callback": "CVE-2026-9086 (Keycloak): the scheme's case",
    "data:text/html,<script>": "CVE-2026-9086 (Keycloak)",
    "http://127.0.0.1:49152/callback\t": "CVE-2020-11053 (oauth2-proxy): white space",
    "/\n/evil.example/callback": "CVE-2020-11053 (oauth2-proxy)",
    "//evil.example/callback": "GHSA-qqxw-m5fj-f7gv (oauth2-proxy): no scheme",
    "/\\evil.example/callback": "CVE-2024-39694 (IdentityServer): a path that browsers take for a host",
    "http://127.0.0.1:49152/callback#fragment": "CVE-2019-11269 (Spring Security OAuth): manipulated URIs",
    "http://evil-127.0.0.1/callback": "go-oauth2/oauth2#298: only the end compared",
}


@pytest.mark.parametrize("uri", list(WRONG))
def test_unregistered_redirect_uri_is_400(app, uri):
    """The identifiers are in WRONG: each redirect URI was accepted as a registered one."""
    answer = app.browser.get(app.authorization_url(redirect_uri=uri))

    assert answer.status_code == 400, WRONG[uri]
    assert "Location" not in answer.headers
    assert "evil.example" not in answer.headers.get("Content-Security-Policy", "")


@pytest.mark.parametrize("uri", [*WRONG, "https://evil.example/"])
def test_unregistered_logout_redirect_is_400(app, uri):
    """CVE-2026-9086 (Keycloak): the log-out's redirect URI was checked less than the log-in's."""
    query = urlencode({"client_id": "console", "post_logout_redirect_uri": uri})

    answer = app.browser.get(f"{app.server.url}/oauth/logout?{query}")

    assert answer.status_code == 400, WRONG.get(uri)
    assert "Location" not in answer.headers


@pytest.mark.parametrize("mode", ["form_post.jwt", "form_post", "fragment", "query.jwt", "jwt"])
def test_response_mode_is_refused_at_registered_uri(app, mode):
    """GHSA-9vm7-v8wj-3fqw (Keycloak): form_post.jwt was answered without a check of the redirect URI."""
    answer = app.browser.get(app.authorization_url(response_mode=mode))

    assert urlsplit(answer.headers["Location"]).hostname == HOME
    assert "error=invalid_request" in answer.headers["Location"]


@pytest.mark.parametrize(
    "name", ["redirect_uri", "client_id", "state", "scope", "response_type", "code_challenge"]
)
def test_repeated_parameter_is_refused(app, name):
    """CVE-2026-9689 (Keycloak): parameter pollution; one value was checked and another one used."""
    answer = app.browser.get(f"{app.authorization_url()}&{name}=http%3A%2F%2Fevil.example%2F")

    if name in {"redirect_uri", "client_id"}:
        assert answer.status_code == 400
        assert "Location" not in answer.headers
    else:
        assert answer.headers["Location"].startswith("http://127.0.0.1:49152/callback?error=invalid_request")
        assert "evil.example" not in answer.headers["Location"]


@pytest.mark.parametrize(
    "kind", ["token", "id_token", "code token", "code id_token", "code id_token token", "none"]
)
def test_response_type_other_than_code_is_refused(app, kind):
    """CVE-2026-7571 (Keycloak): the implicit flow could be used although switched off."""
    answer = app.browser.get(app.authorization_url(response_type=kind))

    assert answer.headers["Location"].startswith(
        "http://127.0.0.1:49152/callback?error=unsupported_response_type"
    )


def test_form_cannot_change_request(app):
    """CVE-2026-7571 (Keycloak): the request that the form returned was trusted."""
    page = app.browser.get(app.authorization_url())
    other = urlsplit(app.authorization_url(response_type="token")).query

    answer = app.browser.submit(page, _request=other, email=app.browser.email, password=app.browser.password)

    assert "access_token" not in answer.headers.get("Location", "") + answer.text
    assert "code=" not in answer.headers.get("Location", "")


@pytest.mark.parametrize(
    ("name", "error"), [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")]
)
def test_request_object_is_refused(app, name, error):
    """CVE-2026-9793 (Keycloak): unsigned request objects were accepted."""
    answer = app.browser.get(app.authorization_url(**{name: "eyJhbGciOiJub25lIn0.e30."}))

    assert f"error={error}" in answer.headers["Location"]
