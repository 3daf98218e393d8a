"""Stream management by clients (SSF 1.0 section 8.1) and operators."""

import json

import pytest
import requests


@pytest.fixture
def other_token(auth_cluster, subscriber):
    """A token of another client that may receive events."""
    register = ("clients", "register", "payroll", "--confidential", "--secret", "--json")
    options = (
        "--audience",
        "auth-service",
        "--own-scope",
        "ssf.manage",
        "--own-scope",
        "ssf.read",
        "--grant",
        "client_credentials",
    )
    secret = json.loads(auth_cluster.cli("auth-service", *register, *options).stdout)["client_secret"]
    form = {"grant_type": "client_credentials", "scope": "ssf.manage ssf.read"}
    answer = subscriber.server("POST", "/oauth/token", data=form, auth=("payroll", secret))
    return answer.json()["access_token"]


def test_metadata_describes_transmitter(auth_cluster):
    metadata = requests.get(f"{auth_cluster.gateway}/.well-known/ssf-configuration", timeout=10).json()

    assert metadata["spec_version"] == "1_0"
    assert metadata["issuer"] == auth_cluster.issuer
    assert set(metadata["delivery_methods_supported"]) == {"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"}
    assert {"spec_urn": "urn:ietf:rfc:6749"} in metadata["authorization_schemes"]
    assert metadata["default_subjects"] == "ALL"
    for name in ("jwks_uri", "configuration_endpoint", "status_endpoint", "verification_endpoint"):
        assert metadata[name].startswith(f"{auth_cluster.issuer}/")


def test_receiver_credentials_are_never_shown(subscriber, receiver, push_stream):
    shown = subscriber("GET", f"/ssf/streams?stream_id={push_stream['stream_id']}").json()

    assert shown == push_stream
    assert shown["delivery"] == {"method": "urn:ietf:rfc:8935", "endpoint_url": receiver.url}


def test_streams_of_other_client_are_404(subscriber, push_stream, other_token):
    path = f"/ssf/streams?stream_id={push_stream['stream_id']}"
    seen, removed = (subscriber.server(method, path, token=other_token) for method in ("GET", "DELETE"))

    assert (seen.status_code, removed.status_code) == (404, 404)
    assert subscriber.server("GET", "/ssf/streams", token=other_token).json() == []
    assert [each["stream_id"] for each in subscriber("GET", "/ssf/streams").json()] == [
        push_stream["stream_id"]
    ]


def test_scope_read_cannot_manage(subscriber, push_stream):
    reads = subscriber("GET", "/ssf/streams", scope="ssf.read")
    manages = subscriber("POST", "/ssf/streams", scope="ssf.read", json={})

    assert (reads.status_code, manages.status_code) == (200, 403)
    assert 'scope="ssf.manage"' in manages.headers["WWW-Authenticate"]


def test_operator_lists_and_removes_streams(auth_cluster, subscriber, push_stream):
    listed = auth_cluster.cli("auth-service", "signals", "streams", "--json").stdout
    (row,) = [json.loads(line) for line in listed.splitlines()]
    auth_cluster.cli("auth-service", "signals", "remove", push_stream["stream_id"])

    assert (row["stream_id"], row["client_id"], row["delivery"]) == (
        push_stream["stream_id"],
        "signals-receiver",
        "push",
    )
    assert "known-to-two" not in json.dumps(row)
    assert subscriber("GET", "/ssf/streams").json() == []
