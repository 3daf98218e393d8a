"""The issuer for tests of one's own app: its tokens pass and fail by the same rules."""

import pytest
from flask import Flask
from touchstone import errors
from touchstone.flask import Touchstone, current_token, require
from touchstone.testing import InMemoryIssuer


@pytest.fixture
def issuer(clock):
    return InMemoryIssuer(audience="orders-service", now=clock)


def test_token_of_the_in_memory_issuer_is_good(issuer):
    claims = issuer.verify(issuer.token("orders:read", "orders:write", subject="bob", tenant=7), fresh=True)
    assert (claims.subject, claims.scopes) == ("bob", {"orders:read", "orders:write"})
    assert claims.to_dict()["tenant"] == 7


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"exp": 1_800_000_000}, errors.ExpiredToken),
        ({"aud": "another"}, errors.WrongAudience),
        ({"iss": "https://another.example"}, errors.WrongIssuer),
        ({"jti": None}, errors.MalformedClaims),
        (
            {"status": {"status_list": {"idx": 1, "uri": "https://issuer.example/status-lists/2"}}},
            errors.UnknownStatus,
        ),
    ],
)
def test_other_claims_take_the_place_of_good_ones(issuer, claims, error):
    with pytest.raises(error):
        issuer.verify(issuer.token(**claims))


def test_a_session_that_was_ended_is_refused_and_no_other(issuer):
    ended, other = issuer.token(), issuer.token()
    assert issuer.verify(ended)
    issuer.revoke(ended)
    with pytest.raises(errors.RevokedToken):
        issuer.verify(ended)
    assert issuer.verify(other)


def test_only_a_token_with_a_status_can_be_ended(issuer):
    with pytest.raises(ValueError, match="no status"):
        issuer.revoke(issuer.token(status=None))


def test_another_issuers_token_is_refused(issuer):
    with pytest.raises(errors.WrongIssuer):
        issuer.verify(InMemoryIssuer("https://b.example", audience="orders-service").token())


def test_in_memory_issuer_works_as_an_issuer(issuer):
    app = Flask(__name__)
    Touchstone(app, issuer)
    app.get("/")(require("orders:read")(lambda: current_token.subject))
    client = app.test_client()
    assert client.get("/", headers=issuer.headers("orders:read", subject="bob")).text == "bob"
    assert client.get("/", headers=issuer.headers()).status_code == 403
    assert (issuer.ready(), issuer.health()["keys"], issuer.close()) == (True, 1, None)
