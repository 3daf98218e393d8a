"""Authlib's OAuth2Session, as its documentation shows it."""

import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet
from testkit.oauth_clients import ACCESS_TOKEN_TYPE, CALLBACK, TOKEN_EXCHANGE
from testkit.token_signer import claims_of

APP = {"redirect_uri": CALLBACK, "scope": "openid email orders:read", "code_challenge_method": "S256"}


@pytest.fixture
def make_session():
    """`make_session(client_id, secret, **options)`: an OAuth2Session."""
    sessions = []

    def make(*arguments, **options):
        session = OAuth2Session(*arguments, **options)
        session.trust_env = False
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def session(make_session, metadata):
    """A session of the public client, which refreshes by itself."""
    endpoint = metadata["token_endpoint"]
    methods = {"token_endpoint_auth_method": "none", "revocation_endpoint_auth_method": "none"}
    return make_session("cli", token_endpoint=endpoint, **APP, **methods)


@pytest.fixture
def make_service(make_session, client_key, metadata):
    """`make_service(client_id)`: a session of a confidential client with its key."""

    def make(client_id):
        session = make_session(client_id, client_key(client_id), token_endpoint_auth_method="private_key_jwt")
        session.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"]))
        return session

    return make


@pytest.fixture
def log_in(browser, metadata):
    """`log_in(session, **changes)`: the token answer; `changes` replace parameters of the token request."""

    def run(session, nonce="n", **changes):
        verifier = generate_token(48)
        address, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
        )
        parameters = {"authorization_response": browser.authorize(address), "code_verifier": verifier}
        return session.fetch_token(metadata["token_endpoint"], state=state, **{**parameters, **changes})

    return run


def test_log_in_gives_id_token(session, log_in, metadata, alice):
    nonce = generate_token(20)
    token = log_in(session, nonce)

    claims = jwt.decode(
        token["id_token"],
        KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json()),
        algorithms=metadata["id_token_signing_alg_values_supported"],
    ).claims

    assert (claims["iss"], claims["aud"]) == (metadata["issuer"], "cli")
    assert (claims["sub"], claims["nonce"], claims["email"]) == (alice.sub, nonce, alice.email)
    assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == alice.sub


def test_expired_token_is_refreshed(session, log_in, gateway):
    token = log_in(session)
    session.token = {**token, "expires_at": 1}

    answer = session.get(f"{gateway.url}/orders")

    assert answer.status_code == 200
    assert session.token["access_token"] != token["access_token"]
    assert session.token["refresh_token"] != token["refresh_token"]


def test_revoked_token_is_not_refreshed(session, log_in, metadata):
    token = log_in(session)

    answer = session.revoke_token(metadata["revocation_endpoint"], token=token["refresh_token"])

    assert answer.status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])


def test_wrong_code_verifier_is_refused(session, log_in):
    with pytest.raises(OAuthError, match="invalid_grant"):
        log_in(session, code_verifier=generate_token(48))


def test_service_gets_token_of_its_own(make_service, metadata):
    token = make_service("orders-service").fetch_token(
        metadata["token_endpoint"],
        grant_type="client_credentials",
        scope="users:read",
        audience="users-service",
    )

    assert claims_of(token["access_token"])["sub"] == "orders-service"


def test_service_exchanges_users_token(make_service, metadata, alice):
    token = make_service("orders-service").fetch_token(
        metadata["token_endpoint"],
        grant_type=TOKEN_EXCHANGE,
        subject_token=alice.token,
        subject_token_type=ACCESS_TOKEN_TYPE,
        audience="users-service",
    )

    assert claims_of(token["access_token"])["act"] == {"sub": "orders-service"}


def test_service_introspects_token(make_service, metadata, alice):
    where = metadata["introspection_endpoint"]

    known = make_service("introspector").introspect_token(where, token=alice.token).json()
    unknown = make_service("introspector").introspect_token(where, token="made-up").json()

    assert (known["active"], known["sub"]) == (True, alice.sub)
    assert unknown == {"active": False}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_third_party_logs_in_with_secret(shop, method, make_session, log_in, metadata, gateway):
    session = make_session(shop["client_id"], shop["client_secret"], token_endpoint_auth_method=method, **APP)

    token = log_in(session)

    assert session.get(f"{gateway.url}/orders").status_code == 200
    renewed = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert renewed["refresh_token"] != token["refresh_token"]


def test_third_party_wrong_secret_is_refused(shop, make_session, log_in):
    session = make_session(shop["client_id"], "guess", **{**APP, "scope": "openid"})

    with pytest.raises(OAuthError, match="invalid_client"):
        log_in(session)
