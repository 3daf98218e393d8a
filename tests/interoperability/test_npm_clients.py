"""openid-client and oauth4webapi, as published, at the gateway."""

from testkit.oauth_clients import parameters_of
from testkit.token_signer import claims_of


def test_openid_client_logs_in_and_out(run_script, client_key, alice, metadata, browser):
    result = run_script("openid_client.mjs", introspector=client_key("introspector"))

    assert (
        result["arrived"]["iss"]
        == result["claims"]["iss"]
        == result["server"]["issuer"]
        == metadata["issuer"]
    )
    assert result["claims"]["sub"] == result["userinfo"]["sub"] == alice.sub
    assert result["claims"]["nonce"] == result["nonce"]
    assert result["claims"]["aud"] == "cli"
    assert result["userinfo"]["email"] == alice.email
    assert result["token_type"].lower() == "bearer"
    assert 0 < result["expires_in"] <= 300
    assert result["rotated"]
    assert result["before"]["active"]
    assert result["before"]["sub"] == alice.sub
    assert result["after"] == {"active": False}
    assert result["spent"] == {"error": "invalid_grant", "status": 400}
    assert result["revoked"] == {"error": "invalid_grant", "status": 400}
    query = parameters_of(result["log_out"])
    assert result["log_out"].startswith(f"{metadata['issuer']}/oauth/logout?")
    assert query["state"] == "bye"
    assert browser.get(result["log_out"]).status_code == 200
    assert "touchstone_login" not in browser.session.cookies


def test_oauth4webapi_accepts_every_answer(run_script, client_key, alice, metadata):
    result = run_script("oauth4webapi.mjs", introspector=client_key("introspector"))

    assert result["same"]
    assert result["mixed_up"]["error"] == "OAUTH_INVALID_RESPONSE"
    assert result["tokens"]["token_type"] == "bearer"
    assert result["claims"]["iss"] == metadata["issuer"]
    assert result["claims"]["nonce"] == result["nonce"]
    assert result["person"] == {"sub": alice.sub, "email": alice.email, "email_verified": True}
    assert result["rotated"]
    assert result["as_resource_server"]["sub"] == alice.sub
    assert result["id_token_as_access_token"] is not None
    assert result["before"]["active"]
    assert result["before"]["aud"] == ["orders-service"]
    assert result["after"] == {"active": False}
    assert result["spent"] == {"error": "invalid_grant", "status": 400}
    assert result["revoked"] == {"error": "invalid_grant", "status": 400}


def test_openid_client_exchanges_token(run_script, client_key, alice):
    result = run_script(
        "openid_client_service.mjs", pem=client_key("orders-service"), subject_token=alice.token
    )

    assert claims_of(result["own"]["access_token"])["scope"] == "users:read"
    exchanged = claims_of(result["exchanged"]["access_token"])
    assert exchanged["act"] == {"sub": "orders-service"}
    assert exchanged["aud"] == "users-service"
    assert result["elsewhere"] == {"error": "invalid_target", "status": 400}


def test_oauth4webapi_exchanges_token(run_script, client_key, alice):
    result = run_script(
        "oauth4webapi_service.mjs", pem=client_key("orders-service"), subject_token=alice.token
    )

    assert claims_of(result["own"]["access_token"])["sub"] == "orders-service"
    assert claims_of(result["exchanged"]["access_token"])["sub"] == alice.sub
    assert result["wider"] == {"error": "invalid_scope", "status": 400}
    assert result["again"]["status"] == 401


def test_oauth4webapi_connects_device(run_script, alice, metadata):
    result = run_script("oauth4webapi_device.mjs")

    assert result["shown"]["verification_uri"] == f"{metadata['issuer']}/oauth/device"
    assert result["shown"]["interval"] == 5
    assert result["claims"]["sub"] == alice.sub
    assert set(result["scope"].split()) == {"openid", "orders:read"}
    assert result["again"]["status"] == 400
    assert result["pending"] == {"error": "authorization_pending", "status": 400}


def test_openid_client_connects_device(run_script, alice):
    result = run_script("openid_client_device.mjs")  # it polls every 5 s

    assert result["claims"]["sub"] == alice.sub
    assert result["refresh"] == "string"
