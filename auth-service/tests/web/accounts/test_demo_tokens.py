"""The signed tokens of the demonstration, which no service accepts."""

import jwt
import pytest
from testkit.concurrency import wait_for
from touchstone import KeySet, Policy, RevokedToken, Verifier, status
from touchstone.errors import ExpiredToken, WrongAudience

from ..helpers import ISSUER, bearer, claims_of, refresh

FAULTS = {"revoked": RevokedToken, "expired": ExpiredToken, "wrong_audience": WrongAudience}
AUDIENCES = ["auth-service", "users-service", "orders-service"]


@pytest.fixture
def here(log_in):
    return log_in()


@pytest.fixture
def tokens(client, here):
    return client.post("/demo/tokens", headers=bearer(here)).get_json()


@pytest.fixture
def verify(client, clock):
    """`verify(token, audience)`: verify with the keys and status lists as they are published."""

    def keys():
        return KeySet.from_jwks(client.get("/.well-known/jwks.json").data)

    def listed(uri):
        token = client.get(uri.removeprefix(ISSUER)).data
        return status.read(token, keys(), uri=uri, issuer=ISSUER, now=clock())

    def verify(token, audience, now=clock):
        return Verifier(Policy(ISSUER, audience), keys, lists=listed, now=now).verify(token)

    return verify


def is_revoked(verify, token, **more):
    try:
        verify(token, "orders-service", **more)
    except RevokedToken:
        return True
    return False


@pytest.mark.parametrize("audience", AUDIENCES)
def test_each_token_is_refused_for_its_fault(tokens, verify, audience):
    wait_for(lambda: is_revoked(verify, tokens["revoked"]))
    assert tokens.keys() == FAULTS.keys()
    for fault, error in FAULTS.items():
        with pytest.raises(error):
            verify(tokens[fault], audience)


def test_tokens_are_signed_for_the_callers_account(here, tokens, client):
    own, keys = (
        claims_of(here["access_token"]),
        jwt.PyJWKSet.from_json(client.get("/.well-known/jwks.json").text),
    )
    for token in tokens.values():
        header = jwt.get_unverified_header(token)
        options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
        claims = jwt.decode(token, keys[header["kid"]].key, algorithms=["RS256"], options=options)
        assert (header["typ"], claims["sub"]) == ("at+jwt", own["sub"])
        assert set(claims["scope"].split()) <= set(own["scope"].split())
        assert claims["sid"] != own["sid"]


def test_all_tokens_are_revoked_too(tokens, verify, clock):
    """A verifier whose clock is hours late, or that has another audience, still refuses them."""
    wait_for(lambda: is_revoked(verify, tokens["revoked"]))
    claims = claims_of(tokens["expired"])
    assert (claims["exp"] - claims["iat"], clock() - claims["exp"]) == (300, pytest.approx(3600, abs=1))
    assert is_revoked(verify, tokens["expired"], now=lambda: claims["iat"] + 1)
    with pytest.raises(RevokedToken):
        verify(tokens["wrong_audience"], claims_of(tokens["wrong_audience"])["aud"])


@pytest.mark.parametrize("fault", FAULTS)
def test_token_opens_nothing_at_auth_service(client, tokens, fault):
    paths = ["/account/sessions", "/oauth/userinfo", "/account/name", "/account"]
    wait_for(
        lambda: client.get("/account", headers=bearer({"access_token": tokens["revoked"]})).status_code == 401
    )
    headers = bearer({"access_token": tokens[fault]})
    assert {client.get(path, headers=headers).status_code for path in paths} == {401}
    assert client.post("/demo/tokens", headers=headers).status_code == 401


def test_callers_session_stays(client, here, tokens):
    assert len(client.get("/account/sessions", headers=bearer(here)).get_json()["items"]) == 1
    assert refresh(client, here).status_code == 200


def test_demo_tokens_need_a_session(client, here):
    assert client.post("/demo/tokens").status_code == 401
    client.post("/logout", headers=bearer(here))
    assert client.post("/demo/tokens", headers=bearer(here)).status_code == 401


def test_no_such_route_without_demo(make_app):
    app = make_app(demo=False)
    assert app.test_client().post("/demo/tokens").status_code == 404
    assert "/demo/tokens" not in app.test_client().get("/openapi.json").get_json()["paths"]
