"""Clients with a secret: authentication, introspection and revocation."""

import base64
from urllib.parse import quote_plus

import pytest

from ..helpers import ALICE, claims_of, error_of, refresh

CHALLENGE = 'Basic realm="touchstone", charset="UTF-8"'
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
# an id and a secret that need RFC 6749's encoding: two halves of one header, each encoded on its own
ODD = ("odd.id", "a:b c+d%e/é")


def basic(client_id, secret, *, encode=quote_plus):
    pair = f"{encode(client_id)}:{encode(secret)}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


@pytest.fixture
def app(make_app, tmp_path):
    """auth-service with clients of a file, one of them with a chosen secret."""
    from auth_service.domain.oauth.client import hash_secret

    def table(client_id, secret, serves="", grants='"client_credentials", "refresh_token"'):
        return (
            f'[clients."{client_id}"]\nconfidential = true\ngrants = [{grants}]\nsecret_hash = "{hash_secret(secret)}"\n'
            'audiences = ["users-service"]\nown_scopes = ["users:read"]\nscopes = ["profile:read"]\n'
            f"serves = [{serves}]\n"
        )

    file = tmp_path / "registry.toml"
    file.write_text(
        table("shop", "the secret", '"orders-service"')
        + table("other", "other secret", '"users-service"')
        + table("off", "the secret")
        + "enabled = false\n"
        + table(*ODD)
        + table("utf", "p\u00e4ss\u20ac\U0001f511")
        + '[clients.app]\nname = "App"\n'
    )
    return make_app(registry_file=file)


@pytest.fixture
def token(client):
    def request(headers=None, **form):
        return client.post("/oauth/token", data={"grant_type": "client_credentials", **form}, headers=headers)

    return request


def test_secret_in_header_or_form(token):
    assert token(basic("shop", "the secret")).status_code == 200
    assert token(client_id="shop", client_secret="the secret").status_code == 200


def test_basic_halves_are_form_encoded(token):
    assert token(basic(*ODD)).status_code == 200
    assert error_of(token(basic(*ODD, encode=lambda half: half))) == (401, "invalid_client")


def test_client_id_in_form_must_match_header(token):
    assert token(basic("shop", "the secret"), client_id="shop").status_code == 200
    assert error_of(token(basic("shop", "the secret"), client_id="other")) == (400, "invalid_request")


REFUSED = {
    "a wrong secret": ("shop", "wrong"),
    "another client's secret": ("shop", "other secret"),
    "no secret": ("shop", ""),
    "an unknown client": ("unknown", "the secret"),
    "a disabled client": ("off", "the secret"),
    "a public client": ("app", "the secret"),
    "a client with a key": ("orders-service", "the secret"),
    "the hash": ("shop", "e7b6ee2f0fc0bdb6ea2d2b6c5f7a4d3d6b3bf1e2a9c1cf0a6d9e5b5a0a3b2c1d"),
    "an oversized secret": ("shop", "x" * 5000),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_wrong_credentials_are_challenged(token, kind):
    client_id, secret = REFUSED[kind]
    by_header, by_form = token(basic(client_id, secret)), token(client_id=client_id, client_secret=secret)

    assert error_of(by_header) == error_of(by_form) == (401, "invalid_client")
    assert {by_header.headers["WWW-Authenticate"], by_form.headers["WWW-Authenticate"]} == {CHALLENGE}


ENDPOINTS = {
    "/oauth/token": {"grant_type": "client_credentials"},
    "/oauth/introspect": {"token": "x"},
    "/oauth/device_authorization": {"scope": "x"},
}


@pytest.mark.parametrize(
    "headers", [None, basic("shop", "wrong"), {"Authorization": "Basic !"}, {"Authorization": "Bearer x"}]
)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_unauthenticated_client_is_challenged(client, path, headers):
    """Clients that first try without credentials, as `curl --anyauth` does, then send them."""
    answer = client.post(path, data=ENDPOINTS[path], headers=headers)

    assert (*error_of(answer), answer.headers["WWW-Authenticate"]) == (401, "invalid_client", CHALLENGE)


@pytest.mark.parametrize("grant", ["authorization_code", "client_credentials", DEVICE, EXCHANGE])
def test_grants_challenge_missing_client(token, grant):
    answer = token(grant_type=grant, code="x", device_code="x", subject_token="x")

    assert (*error_of(answer), answer.headers["WWW-Authenticate"]) == (401, "invalid_client", CHALLENGE)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_confidential_client_must_authenticate(client, own, introspect, path):
    form = {"grant_type": "refresh_token", "refresh_token": own, "token": own}
    answer = client.post(path, data=form)

    assert (*error_of(answer), answer.headers["WWW-Authenticate"]) == (401, "invalid_client", CHALLENGE)
    assert introspect(own).get_json()["active"] is True


def test_basic_credentials_are_utf_8(token):
    secret = "p\u00e4ss\u20ac\U0001f511"
    headers = [basic("utf", secret), basic("utf", secret, encode=str)]

    assert [token(each).status_code for each in headers] == [200, 200]


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"shop").decode(),
        "Basic " + base64.b64encode(b"\xff:x").decode(),
        "Basic " + base64.b64encode(b"shop:%ff").decode(),
        "Basic c2hvcDp0aGUgc2VjcmV0,Basic c2hvcDp0aGUgc2VjcmV0",
    ],
)
def test_malformed_basic_header_is_refused(token, header):
    assert error_of(token({"Authorization": header})) == (401, "invalid_client")


def test_other_authorization_scheme_is_ignored(token):
    bearer = {"Authorization": "Bearer x"}

    assert token(bearer, client_id="shop", client_secret="the secret").status_code == 200
    assert error_of(token(bearer)) == (401, "invalid_client")


ASSERTION = {
    "client_assertion": "x",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
}


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        (basic("shop", "the secret"), {"client_id": "shop", "client_secret": "the secret"}),
        (basic("shop", "the secret"), ASSERTION),
        (None, {"client_id": "shop", "client_secret": "the secret", **ASSERTION}),
    ],
)
def test_two_authentication_methods_are_refused(token, headers, form):
    assert error_of(token(headers, **form)) == (400, "invalid_request")


def test_basic_without_secret_is_public_client(client):
    session = client.post("/login", json=ALICE).get_json()

    assert refresh(client, session, basic("cli", "")).status_code == 200


def test_metadata_names_authentication_methods(client):
    metadata = client.get("/.well-known/oauth-authorization-server").get_json()

    proofs = ["private_key_jwt", "client_secret_basic", "client_secret_post"]
    assert metadata["token_endpoint_auth_methods_supported"] == ["none", *proofs]
    assert metadata["introspection_endpoint_auth_methods_supported"] == proofs


@pytest.fixture
def alice(client):
    return client.post("/login", json=ALICE).get_json()


@pytest.fixture
def introspect(client):
    def request(token, who=("shop", "the secret")):
        return client.post("/oauth/introspect", data={"token": token}, headers=basic(*who))

    return request


def test_introspection_needs_served_audience(client, introspect):
    credentials = ALICE | {"audience": "orders-service"}
    token = client.post("/login", json=credentials).get_json()["access_token"]

    assert introspect(token).get_json()["active"] is True
    assert introspect(token, ("other", "other secret")).get_json() == {"active": False}


@pytest.fixture
def own(app, client):
    """The refresh token of a session of the shop, which only the authorization code grant could open."""
    from auth_service.adapters.registry_files import packaged_rows, read_rows
    from auth_service.domain.oauth.scopes import Grant
    from auth_service.storage.unit_of_work import SqlStore
    from auth_service.use_cases.oauth.token_issuer import Lifetimes, TokenIssuer

    store = SqlStore(app.extensions["engine"], registry=packaged_rows().registry)
    row = '[clients.shop]\nconfidential = true\ngrants = ["refresh_token"]\nscopes = ["profile:read"]\n'
    shop = read_rows(row, packaged_rows()).clients[-1]
    with store.transaction() as tx:
        account = tx.accounts.find_by_email("alice@example.com")
        token_issuer = TokenIssuer("http://localhost:8080", Lifetimes(), None, lambda: 1_800_000_000.0)
        grant = Grant(frozenset({"profile:read"}), ("users-service",))
        return token_issuer.open_session(tx, account, shop, grant, methods=("pwd",)).refresh_token


def test_refresh_token_is_introspected_by_its_client(introspect, alice, own):
    described = introspect(own).get_json()

    assert (described["active"], described["client_id"], described["scope"]) == (True, "shop", "profile:read")
    assert "aud" not in described
    assert introspect(own, ("other", "other secret")).get_json() == {"active": False}
    assert introspect(alice["refresh_token"]).get_json() == {"active": False}


def test_used_or_expired_refresh_token_is_inactive(client, introspect, own, clock):
    successor = refresh(client, {"refresh_token": own}, basic("shop", "the secret")).get_json()

    assert introspect(own).get_json() == {"active": False}
    assert introspect(successor["refresh_token"]).get_json()["active"] is True
    clock.advance(1_209_600)
    assert introspect(successor["refresh_token"]).get_json() == {"active": False}


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "made_up"])
def test_revocation_ignores_wrong_hint(client, alice, hint):
    for kind in ("access_token", "refresh_token"):
        form = {"token": alice[kind], "client_id": "cli", "token_type_hint": hint}
        assert client.post("/oauth/revoke", data=form).status_code == 200
    assert refresh(client, alice).status_code == 400


@pytest.mark.parametrize("token", ["", "unknown"])
@pytest.mark.parametrize("headers", [basic("shop", "wrong"), basic("unknown", "x")])
def test_revocation_with_wrong_secret_is_401(client, token, headers):
    answer = client.post("/oauth/revoke", data={"token": token}, headers=headers)

    assert error_of(answer) == (401, "invalid_client")


def test_client_revokes_only_own_tokens(client, own, introspect, alice):
    for token in ("unknown", alice["refresh_token"], own):
        answer = client.post("/oauth/revoke", data={"token": token}, headers=basic("shop", "the secret"))
        assert (answer.status_code, answer.data) == (200, b"")
        assert "Content-Type" not in answer.headers

    assert introspect(own).get_json() == {"active": False}
    assert refresh(client, alice).status_code == 200


def test_client_token_has_no_session(token):
    claims = claims_of(token(basic("shop", "the secret")).get_json()["access_token"])

    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("shop", "shop", "users:read")
    assert "sid" not in claims


def test_client_secret_is_not_logged(token, capfd):
    token(basic("shop", "the secret"))
    token(client_id="shop", client_secret="the secret")

    log = "".join(capfd.readouterr())
    assert "the secret" not in log
    assert basic("shop", "the secret")["Authorization"].split()[1] not in log
