"""Genuine tokens that name a list of another issuer: refused, and nothing is fetched."""

import pytest
from testkit.concurrency import wait_for
from testkit.issuer import FakeIssuer
from testkit.token_signer import TokenSigner, claims_of

ISSUER = "http://issuer.example"
SIZE = 4096
OWN_PATHS = {"/.well-known/jwks.json", "/status-lists/1"}
FOREIGN = {
    "another host": "http://elsewhere.example/status-lists/1",
    "the backchannel address": "INSIDE/status-lists/1",
    "another scheme": "https://issuer.example/status-lists/1",
    "another port": "http://issuer.example:8080/status-lists/1",
    "a host with the same beginning": "http://issuer.example.elsewhere.example/status-lists/1",
    "a host behind a user": "http://issuer.example@elsewhere.example/status-lists/1",
    "upper case": "HTTP://ISSUER.EXAMPLE/status-lists/1",
    "no host": "/status-lists/1",
    "another document of the issuer": f"{ISSUER}/.well-known/jwks.json",
    "a path with dots": f"{ISSUER}/status-lists/../status-lists/1",
    "a folder": f"{ISSUER}/status-lists/",
    "a slash too many": f"{ISSUER}//status-lists/1",
    "a slash at the end": f"{ISSUER}/status-lists/1/",
    "a query": f"{ISSUER}/status-lists/1?x=2",
    "a fragment": f"{ISSUER}/status-lists/1#x",
    "an escape": f"{ISSUER}/status-lists/%31",
    "a leading zero": f"{ISSUER}/status-lists/01",
    "number zero": f"{ISSUER}/status-lists/0",
    "a negative number": f"{ISSUER}/status-lists/-1",
    "a sign": f"{ISSUER}/status-lists/+1",
    "digits of another script": f"{ISSUER}/status-lists/\u0661",
    "a number of many digits": f"{ISSUER}/status-lists/{'9' * 100}",
    "a line break": f"{ISSUER}/status-lists/1\n",
    "nothing": "",
}


@pytest.fixture
def api(issuer):
    api = issuer.api()
    wait_for(lambda: api(issuer.token(1)).status_code == 200)
    return api


@pytest.mark.parametrize("uri", FOREIGN.values(), ids=FOREIGN.keys())
def test_foreign_list_is_refused_and_not_fetched(issuer, api, uri):
    uri = uri.replace("INSIDE", issuer.proxy.url)
    token = issuer.token(1)
    assert api(token).status_code == 200
    claims = issuer.signer.claims(status={"status_list": {"idx": 1, "uri": uri}})

    assert api(issuer.signer.sign(claims)).status_code == 401
    assert set(issuer.server.requests) == OWN_PATHS


@pytest.mark.parametrize("index", [SIZE, 2**20, 2**64, 10**400])
def test_index_outside_list_is_refused(issuer, api, problem, index):
    claims = issuer.signer.claims(status=issuer.signer.status(index))

    assert problem(api(issuer.signer.sign(claims)))[0] == 401


def test_unavailable_list_is_503(issuer, api, retry_later):
    claims = issuer.signer.claims(status=issuer.signer.status(1, number=2))

    assert retry_later(api(issuer.signer.sign(claims)))


def test_unavailable_lists_evict_no_other(issuer, api):
    for number in range(2, 200):
        api(issuer.signer.sign(issuer.signer.claims(status=issuer.signer.status(1, number=number))))

    assert api(issuer.token(1)).status_code == 200


def test_services_fetch_no_foreign_list(services, customer):
    claims = claims_of(customer.log_in()["access_token"])
    signer = TokenSigner.from_keys_dir(services.keys_dir, claims["iss"], claims["aud"])
    with FakeIssuer(signer=TokenSigner("http://elsewhere.example")) as elsewhere:
        elsewhere.open_list()
        foreign = {"status_list": {"idx": 1, "uri": f"{elsewhere.url}/status-lists/1"}}

        assert services.statuses(signer.sign(claims)) == {200}
        assert services.statuses(signer.sign(claims | {"status": foreign})) == {401}
        assert not elsewhere.requests
