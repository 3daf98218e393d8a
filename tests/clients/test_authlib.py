"""Authlib's OAuth2Session, as its documentation shows it."""

import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet


@pytest.fixture
def program(callback, discovered):
    """A session of the public client, which refreshes by itself."""
    session = OAuth2Session(
        "cli",
        token_endpoint_auth_method="none",
        scope="openid email orders:read",
        redirect_uri=callback,
        code_challenge_method="S256",
        token_endpoint=discovered["token_endpoint"],
        revocation_endpoint_auth_method="none",
    )
    session.trust_env = False
    yield session
    session.close()


@pytest.fixture
def make_service(client_key, discovered):
    """`make_service(client_id)`: a session that proves itself with its key."""
    opened = []

    def make(client_id):
        session = OAuth2Session(
            client_id, client_key(client_id), token_endpoint_auth_method="private_key_jwt"
        )
        method = PrivateKeyJWT(discovered["token_endpoint"])
        session.register_client_auth_method(method)
        session.trust_env = False
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close()


@pytest.fixture
def logged_in(program, surfer, discovered):
    verifier = generate_token(48)
    nonce = generate_token(20)
    address, state = program.create_authorization_url(
        discovered["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    arrived = surfer.arrive(address)
    token = program.fetch_token(
        discovered["token_endpoint"], authorization_response=arrived, code_verifier=verifier, state=state
    )
    return program, token, nonce


def test_it_logs_in_and_reads_who_is_there(logged_in, discovered, alice):
    program, token, nonce = logged_in

    claims = jwt.decode(
        token["id_token"],
        KeySet.import_key_set(program.get(discovered["jwks_uri"], withhold_token=True).json()),
        algorithms=discovered["id_token_signing_alg_values_supported"],
    ).claims

    assert (claims["iss"], claims["aud"]) == (discovered["issuer"], "cli")
    assert (claims["sub"], claims["nonce"], claims["email"]) == (alice.sub, nonce, alice.email)
    assert program.get(discovered["userinfo_endpoint"]).json()["sub"] == alice.sub


def test_its_token_opens_the_api_and_is_renewed_when_it_has_run_out(logged_in, gateway):
    program, token, _ = logged_in
    program.token = {**token, "expires_at": 1}

    answer = program.get(f"{gateway.url}/orders")

    assert answer.status_code == 200
    assert program.token["access_token"] != token["access_token"]
    assert program.token["refresh_token"] != token["refresh_token"]


def test_a_revoked_token_is_refreshed_no_more(logged_in, discovered):
    program, token, _ = logged_in

    answer = program.revoke_token(discovered["revocation_endpoint"], token=token["refresh_token"])

    assert answer.status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        program.refresh_token(discovered["token_endpoint"], refresh_token=token["refresh_token"])


def test_another_verifier_gets_no_tokens(program, surfer, discovered):
    address, state = program.create_authorization_url(
        discovered["authorization_endpoint"], code_verifier=generate_token(48)
    )
    arrived = surfer.arrive(address)

    with pytest.raises(OAuthError, match="invalid_grant"):
        program.fetch_token(
            discovered["token_endpoint"],
            authorization_response=arrived,
            code_verifier=generate_token(48),
            state=state,
        )


def test_a_service_gets_a_token_of_its_own(make_service, discovered, claims_of):
    token = make_service("orders-service").fetch_token(
        discovered["token_endpoint"],
        grant_type="client_credentials",
        scope="users:read",
        audience="users-service",
    )

    assert claims_of(token["access_token"])["sub"] == "orders-service"


def test_a_service_exchanges_a_users_token(make_service, discovered, alice, claims_of):
    token = make_service("orders-service").fetch_token(
        discovered["token_endpoint"],
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=alice.token,
        subject_token_type="urn:ietf:params:oauth:token-type:access_token",
        audience="users-service",
    )

    assert claims_of(token["access_token"])["act"] == {"sub": "orders-service"}


def test_a_service_asks_whether_a_token_stands(make_service, discovered, alice):
    where = discovered["introspection_endpoint"]

    known = make_service("introspector").introspect_token(where, token=alice.token).json()
    unknown = make_service("introspector").introspect_token(where, token="made-up").json()

    assert (known["active"], known["sub"]) == (True, alice.sub)
    assert unknown == {"active": False}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_third_party_with_a_secret_logs_people_in_once_they_allow_it(
    shop, method, surfer, discovered, callback, gateway
):
    session = OAuth2Session(
        shop["client_id"],
        shop["client_secret"],
        token_endpoint_auth_method=method,
        scope="openid email orders:read",
        redirect_uri=callback,
        code_challenge_method="S256",
    )
    session.trust_env = False
    verifier = generate_token(48)
    address, state = session.create_authorization_url(
        discovered["authorization_endpoint"], code_verifier=verifier, nonce=generate_token(20)
    )

    token = session.fetch_token(
        discovered["token_endpoint"],
        authorization_response=surfer.arrive(address),
        code_verifier=verifier,
        state=state,
    )

    assert session.get(f"{gateway.url}/orders").status_code == 200
    renewed = session.refresh_token(discovered["token_endpoint"], refresh_token=token["refresh_token"])
    assert renewed["refresh_token"] != token["refresh_token"]
    session.close()


def test_a_third_party_with_a_wrong_secret_gets_nothing(shop, surfer, discovered, callback):
    session = OAuth2Session(
        shop["client_id"], "guess", redirect_uri=callback, scope="openid", code_challenge_method="S256"
    )
    session.trust_env = False
    verifier = generate_token(48)
    address, state = session.create_authorization_url(
        discovered["authorization_endpoint"], code_verifier=verifier
    )
    arrived = surfer.arrive(address)

    with pytest.raises(OAuthError, match="invalid_client"):
        session.fetch_token(
            discovered["token_endpoint"], authorization_response=arrived, code_verifier=verifier, state=state
        )
    session.close()
