"""Revoked sessions at the gateway, with a real issuer whose documents it follows."""

import json

import pytest
from testkit.concurrency import wait_for
from testkit.issuer import FakeIssuer
from testkit.status_list import list_path


@pytest.fixture
def published(signer):
    with FakeIssuer(signer=signer, long_poll=True) as fake:
        fake.open_list()
        yield fake


@pytest.fixture
def following(published, another_upstream, start):
    """A gateway that follows this issuer."""
    with start(another_upstream.url, issuer_backchannel=published.url) as running:
        yield running


def refused_as(gateway, bearer):
    response = gateway.request("GET", "/orders", bearer)
    return response.problem() if response.status >= 400 else None


def test_first_token_of_a_list_is_accepted(following, bearer):
    assert following.request("GET", "/orders", bearer(status=7)).status == 200


def test_ended_session_is_refused(following, published, another_upstream, bearer):
    ending, other = bearer(status=7), bearer(status=8)
    following.request("GET", "/orders", ending)

    published.revoke(7)

    assert wait_for(lambda: refused_as(following, ending), what="the refusal") == "revoked_token"
    another_upstream.seen.clear()
    assert following.request("GET", "/orders", ending)["www-authenticate"].startswith(
        'Bearer error="invalid_token"'
    )
    assert another_upstream.seen == []
    assert following.request("GET", "/orders", other).status == 200


def test_list_missing_is_503(following, signer, bearer):
    response = following.request("GET", "/orders", bearer(status=signer.status(7, number=2)))

    assert (response.status, response.problem()) == (503, "status_unavailable")
    assert int(response["retry-after"]) >= 1


def test_last_list_serves_without_issuer(following, published, bearer):
    published.revoke(8)
    good, ended = bearer(status=7), bearer(status=8)
    assert refused_as(following, ended) == "revoked_token"

    published.close()

    assert following.request("GET", "/orders", good).status == 200
    assert refused_as(following, ended) == "revoked_token"


def test_readyz_reports_documents(following, bearer):
    following.request("GET", "/orders", bearer(status=7))

    documents = json.loads(following.request("GET", "/readyz").body)["documents"]

    assert documents.keys() == {"jwks", list_path().strip("/")}
    assert all(each["version"] == 1 and each["last_error"] is None for each in documents.values())


def test_snapshots_serve_without_issuer(published, another_upstream, start, bearer, tmp_path):
    kept = {"issuer_backchannel": published.url, "snapshots_dir": tmp_path}
    with start(another_upstream.url, **kept) as first:
        assert first.request("GET", "/orders", bearer(status=7)).status == 200
    published.close()

    with start(another_upstream.url, **kept) as second:
        response = second.request("GET", "/orders", bearer(status=7))

    assert response.status == 200
