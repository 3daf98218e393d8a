"""A token of ours, truly signed, that names a list which is not ours: refused, and nothing is fetched for it."""

import pytest
from testkit.issuer import FakeIssuer
from testkit.mint import Mint

ISSUER = "http://mint.example"
SIZE = 4096
AT_HOME = {"/.well-known/jwks.json", "/status-lists/1"}
FOREIGN = {
    "another host": "http://elsewhere.example/status-lists/1",
    "the address of the mint from inside": "INSIDE/status-lists/1",
    "another scheme": "https://mint.example/status-lists/1",
    "another port": "http://mint.example:8080/status-lists/1",
    "a host that only begins alike": "http://mint.example.elsewhere.example/status-lists/1",
    "a host behind a user": "http://mint.example@elsewhere.example/status-lists/1",
    "upper case": "HTTP://MINT.EXAMPLE/status-lists/1",
    "no host": "/status-lists/1",
    "another document of the issuer": f"{ISSUER}/.well-known/jwks.json",
    "a path that climbs": f"{ISSUER}/status-lists/../status-lists/1",
    "a folder": f"{ISSUER}/status-lists/",
    "a slash too many": f"{ISSUER}//status-lists/1",
    "a slash at the end": f"{ISSUER}/status-lists/1/",
    "a query": f"{ISSUER}/status-lists/1?x=2",
    "a fragment": f"{ISSUER}/status-lists/1#x",
    "an escape": f"{ISSUER}/status-lists/%31",
    "a zero in front": f"{ISSUER}/status-lists/01",
    "number zero": f"{ISSUER}/status-lists/0",
    "a negative number": f"{ISSUER}/status-lists/-1",
    "a sign": f"{ISSUER}/status-lists/+1",
    "digits of another script": f"{ISSUER}/status-lists/\u0661",
    "a number of many digits": f"{ISSUER}/status-lists/{'9' * 100}",
    "a line break": f"{ISSUER}/status-lists/1\n",
    "nothing": "",
}


@pytest.fixture
def api(post, until):
    api = post.api()
    until(lambda: api(post.token(1)).status_code == 200)
    return api


@pytest.mark.parametrize("uri", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_list_that_is_not_the_issuers_is_refused_and_never_asked_for(post, api, uri):
    uri = uri.replace("INSIDE", post.proxy.url)
    token = post.token(1)
    assert api(token).status_code == 200
    claims = post.mint.claims(status={"status_list": {"idx": 1, "uri": uri}})

    assert api(post.mint.sign(claims)).status_code == 401
    assert set(post.server.requests) == AT_HOME


@pytest.mark.parametrize("index", [SIZE, 2**20, 2**64, 10**400])
def test_an_index_outside_of_the_list_is_refused(post, api, problem, index):
    claims = post.mint.claims(status=post.mint.status(index))

    assert problem(api(post.mint.sign(claims)))[0] == 401


def test_a_list_of_the_issuer_that_is_not_to_be_had_is_neither_good_nor_bad(post, api, comes_back):
    claims = post.mint.claims(status=post.mint.status(1, number=2))

    assert comes_back(api(post.mint.sign(claims)))


def test_many_lists_that_are_not_to_be_had_push_out_none_that_is(post, api):
    for number in range(2, 200):
        api(post.mint.sign(post.mint.claims(status=post.mint.status(1, number=number))))

    assert api(post.token(1)).status_code == 200


def test_the_services_ask_no_other_host_whatever_a_token_of_the_mint_says(house, customer, claims_of):
    claims = claims_of(customer.log_in()["access_token"])
    thief = Mint.of_keys_dir(house.cluster.keys_dir, claims["iss"], claims["aud"])
    with FakeIssuer(mint=Mint("http://elsewhere.example")) as elsewhere:
        elsewhere.open_list()
        foreign = {"status_list": {"idx": 1, "uri": f"{elsewhere.url}/status-lists/1"}}

        assert house.statuses(thief.sign(claims)) == {200}
        assert house.statuses(thief.sign(claims | {"status": foreign})) == {401}
        assert not elsewhere.requests
