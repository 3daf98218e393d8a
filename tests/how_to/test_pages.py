"""The programs of the how-to pages do what the pages promise."""

import subprocess

import pytest
from testkit.concurrency import wait_for
from testkit.token_signer import kid_of

PARTNER = {"aud": "https://api.example", "scope": "orders:read"}


def slug(answer):
    return answer.json()["type"].rpartition(":")[2]


@pytest.fixture
def partner_token(partner_issuer):
    """`partner_token(header, **claims)`: a token of the other issuer, with these changes."""
    return lambda header=None, **claims: partner_issuer.signer.sign(
        partner_issuer.signer.claims(**{**PARTNER, **claims}), header
    )


def test_touchstone_is_installed(fresh_python):
    result = subprocess.run(
        [fresh_python, "-c", "import touchstone; print(touchstone.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith(str(fresh_python.parent.parent))


def test_own_app_has_at_most_15_lines(program):
    assert len(program("own-flask-app").splitlines()) <= 15


def test_own_app_accepts_token(serve, alice):
    answer = serve("own-flask-app")("GET", "/hello", token=alice.token)
    assert (answer.status_code, answer.json()) == (200, {"hello": alice.sub})


def test_own_app_refuses_ended_session(serve, gateway, own_session):
    hello, token = serve("own-flask-app"), own_session["access_token"]
    assert hello("GET", "/hello", token=token).status_code == 200
    assert gateway("POST", "/logout", token=token).status_code == 204
    (refused,) = wait_for(lambda: [a for a in [hello("GET", "/hello", token=token)] if a.status_code == 401])
    assert slug(refused) == "revoked_token"


def test_foreign_issuer_needs_no_status_list(serve, partner_token):
    answer = serve("foreign-issuer")("GET", "/hello", token=partner_token(sub="their-alice"))
    assert (answer.status_code, answer.json()) == (200, {"hello": "their-alice", "scopes": ["orders:read"]})


@pytest.mark.parametrize(
    ("header", "claims", "why"),
    [
        ({"typ": "JWT"}, {}, "wrong_type"),
        ({"typ": "application/at+jwt"}, {}, None),
        ({}, {"aud": "https://other.example"}, "wrong_audience"),
        ({"alg": "ES256"}, {}, "wrong_algorithm"),
        ({}, {"iss": "https://issuer.example/"}, "wrong_issuer"),
    ],
)
def test_foreign_issuer_refusal_names_reason(serve, partner_token, header, claims, why):
    answer = serve("foreign-issuer")("GET", "/hello", token=partner_token(header, **claims))
    assert (slug(answer) if answer.status_code == 401 else None) == why


def test_foreign_status_list_is_refused(serve, partner_token):
    elsewhere = {"status_list": {"idx": 0, "uri": "https://elsewhere.example/status-lists/1"}}
    answer = serve("foreign-issuer")("GET", "/hello", token=partner_token(status=elsewhere))
    assert (answer.status_code, slug(answer)) == (401, "unknown_status")


def test_several_issuers_are_accepted(serve, alice, partner_token, cluster, partner_issuer):
    hello = serve("several-issuers")
    result = [hello("GET", "/hello", token=token).json() for token in (alice.token, partner_token(sub="x"))]
    assert result == [
        {"hello": alice.sub, "from": cluster.issuer},
        {"hello": "x", "from": partner_issuer.url},
    ]


def test_key_of_one_issuer_does_not_sign_for_other(serve, alice, partner_token, cluster):
    claims = {"iss": cluster.issuer, "aud": "my-app"}
    hello = serve("several-issuers")
    with_partner_kid = hello("GET", "/hello", token=partner_token(**claims))
    with_own_kid = hello("GET", "/hello", token=partner_token({"kid": kid_of(alice.token)}, **claims))
    assert [slug(with_partner_kid), slug(with_own_kid)] == ["unknown_key", "bad_signature"]


def test_audience_of_other_issuer_is_refused(serve, partner_token):
    answer = serve("several-issuers")("GET", "/hello", token=partner_token(aud="my-app"))
    assert (answer.status_code, slug(answer)) == (401, "wrong_audience")


def test_unlisted_issuer_is_refused(serve, partner_token):
    answer = serve("several-issuers")("GET", "/hello", token=partner_token(iss="https://unknown.example"))
    assert (answer.status_code, slug(answer)) == (401, "wrong_issuer")


def test_logout_at_one_issuer_keeps_other(serve, gateway, own_session, partner_token):
    hello, token = serve("several-issuers"), own_session["access_token"]
    assert hello("GET", "/hello", token=token).status_code == 200
    assert gateway("POST", "/logout", token=token).status_code == 204
    wait_for(lambda: hello("GET", "/hello", token=token).status_code == 401, what="the refusal")
    assert hello("GET", "/hello", token=partner_token()).status_code == 200
