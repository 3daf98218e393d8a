"""Authlib's OAuth2Session, as its documentation shows it."""

import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet
from testkit.oauth_clients import CALLBACK
from testkit.token_signer import claims_of


@pytest.fixture
def session(metadata):
    """A session of the public client, which refreshes by itself."""
    session = OAuth2Session(
        "cli",
        token_endpoint_auth_method="none",
        scope="openid email orders:read",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint=metadata["token_endpoint"],
        revocation_endpoint_auth_method="none",
    )
    session.trust_env = False
    yield session
    session.close()


@pytest.fixture
def make_service(client_key, metadata):
    """`make_service(client_id)`: a session of a confidential client with its key."""
    opened = []

    def make(client_id):
        session = OAuth2Session(
            client_id, client_key(client_id), token_endpoint_auth_method="private_key_jwt"
        )
        method = PrivateKeyJWT(metadata["token_endpoint"])
        session.register_client_auth_method(method)
        session.trust_env = False
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close()


@pytest.fixture
def logged_in(session, browser, metadata):
    verifier = generate_token(48)
    nonce = generate_token(20)
    address, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    arrived = browser.authorize(address)
    token = session.fetch_token(
        metadata["token_endpoint"], authorization_response=arrived, code_verifier=verifier, state=state
    )
    return session, token, nonce


def test_log_in_gives_id_token(logged_in, metadata, alice):
    session, token, nonce = logged_in

    claims = jwt.decode(
        token["id_token"],
        KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json()),
        algorithms=metadata["id_token_signing_alg_values_supported"],
    ).claims

    assert (claims["iss"], claims["aud"]) == (metadata["issuer"], "cli")
    assert (claims["sub"], claims["nonce"], claims["email"]) == (alice.sub, nonce, alice.email)
    assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == alice.sub


def test_expired_token_is_refreshed(logged_in, gateway):
    session, token, _ = logged_in
    session.token = {**token, "expires_at": 1}

    answer = session.get(f"{gateway.url}/orders")

    assert answer.status_code == 200
    assert session.token["access_token"] != token["access_token"]
    assert session.token["refresh_token"] != token["refresh_token"]


def test_revoked_token_is_not_refreshed(logged_in, metadata):
    session, token, _ = logged_in

    answer = session.revoke_token(metadata["revocation_endpoint"], token=token["refresh_token"])

    assert answer.status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])


def test_wrong_code_verifier_is_refused(session, browser, metadata):
    address, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=generate_token(48)
    )
    arrived = browser.authorize(address)

    with pytest.raises(OAuthError, match="invalid_grant"):
        session.fetch_token(
            metadata["token_endpoint"],
            authorization_response=arrived,
            code_verifier=generate_token(48),
            state=state,
        )


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
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=alice.token,
        subject_token_type="urn:ietf:params:oauth:token-type:access_token",
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
def test_third_party_logs_in_with_secret(shop, method, browser, metadata, gateway):
    session = OAuth2Session(
        shop["client_id"],
        shop["client_secret"],
        token_endpoint_auth_method=method,
        scope="openid email orders:read",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )
    session.trust_env = False
    verifier = generate_token(48)
    address, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=generate_token(20)
    )

    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=browser.authorize(address),
        code_verifier=verifier,
        state=state,
    )

    assert session.get(f"{gateway.url}/orders").status_code == 200
    renewed = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert renewed["refresh_token"] != token["refresh_token"]
    session.close()


def test_third_party_wrong_secret_is_refused(shop, browser, metadata):
    session = OAuth2Session(
        shop["client_id"], "guess", redirect_uri=CALLBACK, scope="openid", code_challenge_method="S256"
    )
    session.trust_env = False
    verifier = generate_token(48)
    address, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier
    )
    arrived = browser.authorize(address)

    with pytest.raises(OAuthError, match="invalid_client"):
        session.fetch_token(
            metadata["token_endpoint"], authorization_response=arrived, code_verifier=verifier, state=state
        )
    session.close()
