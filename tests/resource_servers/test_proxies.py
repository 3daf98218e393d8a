"""HAProxy and Envoy, set up as deploy/ shows: one Authorization header, and no gap in the keys."""

import http.client

import pytest
from testkit.concurrency import wait_for
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.token_signer import TokenSigner

REFUSED = {400, 401, 403}


@pytest.fixture(params=["haproxy", "envoy"])
def proxy(request):
    return request.getfixturevalue(request.param)


def test_token_in_query_is_ignored(proxy, issuer):
    assert proxy(None, query=f"?access_token={issuer.token()}").status_code == 401


@pytest.mark.parametrize("order", ["genuine first", "genuine last"])
def test_two_authorization_headers_are_refused(proxy, issuer, order):
    both = [f"Bearer {issuer.token()}", "Bearer x.y.z"]
    connection = http.client.HTTPConnection(f"127.0.0.1:{proxy.port}", timeout=10)
    connection.putrequest("GET", "/protected")
    for value in both if order == "genuine first" else reversed(both):
        connection.putheader("Authorization", value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()

    assert status in REFUSED


def test_other_scheme_is_refused(proxy, issuer):
    connection = http.client.HTTPConnection(f"127.0.0.1:{proxy.port}", timeout=10)
    connection.request("GET", "/protected", headers={"Authorization": f"Basic {issuer.token()}"})
    status = connection.getresponse().status
    connection.close()

    assert status in REFUSED


def test_envoy_keeps_keys_when_issuer_fails(start_envoy):
    signer = TokenSigner(audience="orders-service")
    with FakeIssuer(signer.jwks()) as fake:
        envoy = start_envoy(signer.issuer, ("127.0.0.1", str(fake.port)))
        assert envoy(signer.sign()).status_code == 200
        fake.jwks.status = 500
        before = fake.requests[JWKS_PATH]
        wait_for(lambda: fake.requests[JWKS_PATH] >= before + 3, what="three more fetches by Envoy")

        assert envoy(signer.sign()).status_code == 200
