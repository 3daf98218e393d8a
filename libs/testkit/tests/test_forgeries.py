import json
from collections import Counter

import jwt
import pytest
import requests
from testkit.clock import FakeClock
from testkit.forgeries import forgeries, valid_tokens
from testkit.forgeries.tampering import tampered
from testkit.keys import make_rsa
from testkit.status_list import FakeStatusList
from testkit.token_signer import TokenSigner
from testkit.upstream import FakeUpstream
from touchstone import KeySet, Policy, TokenError, UnknownStatus, Verifier
from touchstone.status import read

AUDIENCE = "orders-service"


@pytest.fixture(scope="module")
def signer():
    return TokenSigner("https://issuer.example", now=FakeClock())


@pytest.fixture(scope="module")
def all_forgeries(signer):
    return list(forgeries(signer, audience=AUDIENCE))


@pytest.fixture(scope="module")
def verifier(signer):
    """Knows the first status list of the issuer, and no other."""
    keys = KeySet.from_jwks(json.dumps(signer.jwks()))
    own = FakeStatusList(signer)
    first = read(own.token(), keys, uri=own.uri, issuer=signer.issuer, now=signer.now())

    def lists(uri):
        if uri != own.uri:
            raise UnknownStatus
        return first

    return Verifier(Policy(signer.issuer, AUDIENCE), lambda: keys, lists=lists, now=signer.now)


def test_forgeries_are_distinct(all_forgeries):
    assert len(all_forgeries) > 1000
    assert not [name for name, times in Counter(map(str, all_forgeries)).items() if times > 1]
    assert not [token for token, times in Counter(f.token for f in all_forgeries).items() if times > 1]


def test_forgeries_fit_into_header(all_forgeries):
    for forgery in all_forgeries:
        token = forgery.token
        assert token == token.strip()
        assert token
        assert all(" " <= c <= "~" or "\xa0" <= c <= "\xff" for c in token), forgery.name
        assert len(token) <= 12_100, forgery.name
    assert sum(len(forgery.token) > 7 * 1024 for forgery in all_forgeries) < 15


def test_verifier_refuses_forgeries(all_forgeries, verifier):
    accepted = []
    for forgery in all_forgeries:
        try:
            verifier.verify(forgery.token)
        except TokenError:
            continue
        accepted.append(forgery.name)
    assert accepted == []


def test_valid_tokens_accepted_by_verifier_and_pyjwt(signer, verifier):
    for name, token in valid_tokens(signer, AUDIENCE):
        assert verifier.verify(token).issuer == signer.issuer, name
        jwt.decode(
            token, signer.key.public_key(), algorithms=["RS256"], audience=AUDIENCE, leeway=30,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )  # fmt: skip


def test_one_valid_token_has_maximum_length(signer):
    assert max(len(token) for _, token in valid_tokens(signer, AUDIENCE)) == 8192


def test_http_client_sends_forgeries_unchanged(all_forgeries):
    with FakeUpstream() as upstream, requests.Session() as session:
        for forgery in all_forgeries[::7]:
            session.get(upstream.url, headers={"Authorization": f"Bearer {forgery.token}"})
            assert upstream.received[-1].headers["Authorization"] == f"Bearer {forgery.token}", forgery.name


def test_3072_bit_key_makes_forgeries():
    signer = TokenSigner(key=make_rsa(3072))
    assert len(list(forgeries(signer, audience=AUDIENCE))) > 1000


def test_verifier_refuses_tampered_tokens(signer, verifier):
    genuine = signer.sign()
    verifier.verify(genuine)
    made = dict(tampered(genuine, signer.jwks()))

    passed = []
    for name, token in made.items():
        try:
            verifier.verify(token)
        except TokenError:
            continue
        passed.append(name)

    assert passed == []
    assert len(set(made.values())) > 250
    assert genuine not in made.values()
