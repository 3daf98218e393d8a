"""The JWK set and the metadata of the issuer."""

from threading import Event, Thread

import pytest

from ..helpers import ISSUER

JWKS = "/.well-known/jwks.json"


def test_jwks_is_cacheable_and_conditional(client):
    answer = client.get(JWKS)
    again = client.get(JWKS, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.mimetype == "application/json"
    assert len(answer.get_json()["keys"]) == 1
    assert "Preference-Applied" not in answer.headers
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    assert client.get(JWKS, headers={"If-None-Match": '"other"'}).status_code == 200


def test_jwks_max_age_is_a_setting(make_app):
    assert make_app(jwks_max_age=7).test_client().get(JWKS).headers["Cache-Control"] == "public, max-age=7"


def test_jwks_request_waits_for_rotation(app):
    client, rotating = app.test_client(), app.test_cli_runner()
    known = client.get(JWKS).headers["ETag"]
    answers, asked = [], Event()

    def wait():
        asked.set()
        headers = {"If-None-Match": known, "Prefer": "wait=25"}
        answers.append(app.test_client().get(JWKS, headers=headers))

    waiting = Thread(target=wait)
    waiting.start()
    asked.wait(20)
    rotating.invoke(args=["keys", "rotate"])
    waiting.join(20)

    (answer,) = answers
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=25")
    assert len(answer.get_json()["keys"]) == 2


def test_jwks_request_without_etag_does_not_wait(client):
    assert client.get(JWKS, headers={"Prefer": "wait=25"}).status_code == 200


def test_wait_without_change_is_304(client):
    known = client.get(JWKS).headers["ETag"]

    answer = client.get(JWKS, headers={"If-None-Match": known, "Prefer": "wait=1"})

    assert (answer.status_code, answer.headers["Preference-Applied"]) == (304, "wait=1")


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
)
def test_metadata_endpoints_are_routes(client, app, path):
    answer = client.get(path)

    document = answer.get_json()
    assert document["issuer"] == "http://localhost:8080"
    assert "max-age" in answer.headers["Cache-Control"]
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    for name in (
        "jwks_uri",
        "token_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "status_list_aggregation_endpoint",
    ):
        assert document[name].removeprefix("http://localhost:8080") in routes
    assert set(document["grant_types_supported"]) == {
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:device_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }


def test_metadata_documents_are_complete_and_same(client):
    documents = [
        client.get(f"/.well-known/{name}").get_json()
        for name in ("openid-configuration", "oauth-authorization-server")
    ]

    assert documents[0] == documents[1]
    said = documents[0]
    endpoints = {
        name: said[f"{name}_endpoint"] for name in ("authorization", "token", "userinfo", "end_session")
    }
    assert endpoints == {
        "authorization": f"{ISSUER}/oauth/authorize",
        "token": f"{ISSUER}/oauth/token",
        "userinfo": f"{ISSUER}/oauth/userinfo",
        "end_session": f"{ISSUER}/oauth/logout",
    }
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["id_token_signing_alg_values_supported"] == ["RS256"]
    assert said["subject_types_supported"] == ["public"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["request_uri_parameter_supported"] is False
    assert {"openid", "profile", "email", "orders:read"} <= set(said["scopes_supported"])
    assert "authorization_code" in said["grant_types_supported"]
