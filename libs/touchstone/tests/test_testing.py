"""The in-memory issuer: its tokens follow the rules of an `Issuer`."""

import pytest
from flask import Flask
from touchstone import errors
from touchstone.flask import Touchstone, current_token, require
from touchstone.testing import InMemoryIssuer


@pytest.fixture
def issuer(clock):
    return InMemoryIssuer(audience="orders-service", now=clock)


def test_in_memory_token_is_valid(issuer):
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
def test_claims_replace_defaults(issuer, claims, error):
    with pytest.raises(error):
        issuer.verify(issuer.token(**claims))


def test_revoke_refuses_only_that_token(issuer):
    ended, other = issuer.token(), issuer.token()
    assert issuer.verify(ended)
    issuer.revoke(ended)
    with pytest.raises(errors.RevokedToken):
        issuer.verify(ended)
    assert issuer.verify(other)


def test_revoke_without_status_raises(issuer):
    with pytest.raises(ValueError, match="no status"):
        issuer.revoke(issuer.token(status=None))


def test_token_of_other_issuer_is_refused(issuer):
    with pytest.raises(errors.WrongIssuer):
        issuer.verify(InMemoryIssuer("https://b.example", audience="orders-service").token())


def test_in_memory_issuer_replaces_issuer(issuer):
    app = Flask(__name__)
    Touchstone(app, issuer)
    app.get("/")(require("orders:read")(lambda: current_token.subject))
    client = app.test_client()
    assert client.get("/", headers=issuer.headers("orders:read", subject="bob")).text == "bob"
    assert client.get("/", headers=issuer.headers()).status_code == 403
    assert (issuer.ready(), issuer.health()["keys"], issuer.close()) == (True, 1, None)
