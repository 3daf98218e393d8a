"""What HAProxy and Envoy, set up as deploy/ says, do beyond the tokens: one header, nothing else, and no gap."""

import http.client
from urllib.parse import urlsplit

import pytest
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.mint import Mint

REFUSED = {400, 401, 403}


@pytest.fixture(params=["haproxy", "envoy"])
def proxy(request):
    return request.getfixturevalue(request.param)


def test_a_token_in_the_query_is_not_looked_at(proxy, issuer):
    assert proxy(None, query=f"?access_token={issuer.token()}").status_code == 401


@pytest.mark.parametrize("order", ["genuine first", "genuine last"])
def test_two_authorization_headers_are_refused(proxy, issuer, order):
    both = [f"Bearer {issuer.token()}", "Bearer x.y.z"]
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=10)
    connection.putrequest("GET", "/protected")
    for value in both if order == "genuine first" else reversed(both):
        connection.putheader("Authorization", value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()

    assert status in REFUSED


def test_another_scheme_is_refused(proxy, issuer):
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=10)
    connection.request("GET", "/protected", headers={"Authorization": f"Basic {issuer.token()}"})
    status = connection.getresponse().status
    connection.close()

    assert status in REFUSED


def test_envoy_goes_on_with_the_last_good_keys_when_the_issuer_fails(start_envoy, until):
    mint = Mint(audience="orders-service")
    with FakeIssuer(mint.jwks()) as fake:
        envoy = start_envoy(mint.issuer, mint.audience, tuple(urlsplit(fake.url).netloc.split(":")), 1)
        assert envoy(mint.sign()).status_code == 200
        fake.jwks.status = 500
        asked = fake.requests[JWKS_PATH]
        until(lambda: fake.requests[JWKS_PATH] >= asked + 3, hope="Envoy asking again and again")

        assert envoy(mint.sign()).status_code == 200
