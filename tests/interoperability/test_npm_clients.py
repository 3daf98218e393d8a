"""openid-client and oauth4webapi, as published, log in at the gateway, and are told no where they must be."""

from urllib.parse import parse_qs, urlsplit

from testkit.token_signer import claims_of


def test_openid_client_logs_in_and_out(run_script, client_key, alice, metadata, browser):
    told = run_script("openid_client.mjs", introspector=client_key("introspector"))

    assert told["arrived"]["iss"] == told["claims"]["iss"] == told["server"]["issuer"] == metadata["issuer"]
    assert told["claims"]["sub"] == told["userinfo"]["sub"] == alice.sub
    assert told["claims"]["nonce"] == told["nonce"]
    assert told["claims"]["aud"] == "cli"
    assert told["userinfo"]["email"] == alice.email
    assert told["token_type"].lower() == "bearer"
    assert 0 < told["expires_in"] <= 300
    assert told["rotated"]
    assert told["before"]["active"]
    assert told["before"]["sub"] == alice.sub
    assert told["after"] == {"active": False}
    assert told["spent"] == {"error": "invalid_grant", "status": 400}
    assert told["revoked"] == {"error": "invalid_grant", "status": 400}
    query = parse_qs(urlsplit(told["log_out"]).query)
    assert told["log_out"].startswith(f"{metadata['issuer']}/oauth/logout?")
    assert query["state"] == ["bye"]
    assert browser.get(told["log_out"]).status_code == 200
    assert "touchstone_login" not in browser.session.cookies


def test_oauth4webapi_accepts_every_answer(run_script, client_key, alice, metadata):
    told = run_script("oauth4webapi.mjs", introspector=client_key("introspector"))

    assert told["same"]
    assert told["mixed_up"]["error"] == "OAUTH_INVALID_RESPONSE"
    assert told["tokens"]["token_type"] == "bearer"
    assert told["claims"]["iss"] == metadata["issuer"]
    assert told["claims"]["nonce"] == told["nonce"]
    assert told["person"] == {"sub": alice.sub, "email": alice.email, "email_verified": True}
    assert told["rotated"]
    assert told["as_resource_server"]["sub"] == alice.sub
    assert told["id_token_as_access_token"] is not None
    assert told["before"]["active"]
    assert told["before"]["aud"] == ["orders-service"]
    assert told["after"] == {"active": False}
    assert told["spent"] == {"error": "invalid_grant", "status": 400}
    assert told["revoked"] == {"error": "invalid_grant", "status": 400}


def test_openid_client_exchanges_token(run_script, client_key, alice):
    told = run_script(
        "openid_client_service.mjs", pem=client_key("orders-service"), subject_token=alice.token
    )

    assert claims_of(told["own"]["access_token"])["scope"] == "users:read"
    exchanged = claims_of(told["exchanged"]["access_token"])
    assert exchanged["act"] == {"sub": "orders-service"}
    assert exchanged["aud"] == "users-service"
    assert told["elsewhere"] == {"error": "invalid_target", "status": 400}


def test_oauth4webapi_exchanges_token(run_script, client_key, alice):
    told = run_script("oauth4webapi_service.mjs", pem=client_key("orders-service"), subject_token=alice.token)

    assert claims_of(told["own"]["access_token"])["sub"] == "orders-service"
    assert claims_of(told["exchanged"]["access_token"])["sub"] == alice.sub
    assert told["wider"] == {"error": "invalid_scope", "status": 400}
    assert told["again"]["status"] == 401


def test_oauth4webapi_connects_device(run_script, alice, metadata):
    told = run_script("oauth4webapi_device.mjs")

    assert told["shown"]["verification_uri"] == f"{metadata['issuer']}/oauth/device"
    assert told["shown"]["interval"] == 5
    assert told["claims"]["sub"] == alice.sub
    assert set(told["scope"].split()) == {"openid", "orders:read"}
    assert told["again"]["status"] == 400
    assert told["pending"] == {"error": "authorization_pending", "status": 400}


def test_openid_client_connects_device(run_script, alice):
    told = run_script("openid_client_device.mjs")  # waits for the interval of 5 s, as devices do

    assert told["claims"]["sub"] == alice.sub
    assert told["refresh"] == "string"
