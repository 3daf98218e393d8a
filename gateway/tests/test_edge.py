"""The token check at the edge."""

import asyncio
import json
import time

import pytest
from gateway.edge import Edge, bearer, follow
from gateway.errors import Refusal
from testkit.mint import Mint
from touchstone import KeySet
from touchstone.errors import DuplicateAuthorization, MalformedAuthorization, MissingToken


class Keys:
    def __init__(self, *mints, later=()):
        self.value = KeySet.from_jwks(json.dumps(mints[0].jwks(*mints[1:])).encode()) if mints else None
        self.later = later

    def close(self):
        """Nothing is followed."""

    def refresh_soon(self, wait=0.0):
        if self.later:
            self.value = KeySet.from_jwks(json.dumps(self.later[0].jwks()).encode())


def check(edge, token, audience="orders-service"):
    return asyncio.run(edge.check(audience, None if token is None else f"Bearer {token}".encode()))


def edge_with(keys):
    return Edge("http://localhost:8080", ["orders-service", "users-service"], keys, now=time.time)


def test_a_good_token_passes_with_its_claims(mint):
    assert check(edge_with(Keys(mint)), mint.sign()).subject


@pytest.mark.parametrize(
    ("claims", "slug"),
    [
        ({"aud": "users-service"}, "wrong_audience"),
        ({"exp": 1_700_000_000}, "expired_token"),
        ({"iss": "http://evil"}, "wrong_issuer"),
    ],
)
def test_a_bad_token_is_answered_with_the_challenge(mint, claims, slug):
    with pytest.raises(Refusal) as refusal:
        check(edge_with(Keys(mint)), mint.sign(mint.claims(**claims)))

    assert (refusal.value.kind.status, refusal.value.slug) == (401, slug)
    assert dict(refusal.value.headers)[b"www-authenticate"].startswith(b'Bearer error="invalid_token"')


def test_no_token_is_answered_with_the_plain_challenge(mint):
    with pytest.raises(Refusal) as refusal:
        check(edge_with(Keys(mint)), None)

    assert refusal.value.headers == ((b"www-authenticate", b"Bearer"),)


def test_without_keys_a_token_is_neither_good_nor_bad(mint):
    edge = edge_with(Keys())

    with pytest.raises(Refusal) as refusal:
        check(edge, mint.sign())

    assert not edge.ready()
    assert refusal.value.kind.status == 503
    assert dict(refusal.value.headers)[b"retry-after"]


def test_a_key_that_is_newer_than_ours_is_fetched(mint):
    new = Mint("http://localhost:8080", key=None, kid="new")

    assert check(edge_with(Keys(mint, later=[new])), new.sign()).subject


def test_a_key_that_nobody_knows_is_refused(mint):
    with pytest.raises(Refusal) as refusal:
        check(edge_with(Keys(mint)), mint.sign(header={"kid": "other"}))

    assert refusal.value.slug == "unknown_key"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, MissingToken),
        (b"Basic YTpi", MissingToken),
        (b"Bearer", MalformedAuthorization),
        (b"Bearer  ", MalformedAuthorization),
        (b"Bearer a b", MalformedAuthorization),
        (b"Bearer \xff", MalformedAuthorization),
        (b"Bearer a, Bearer b", DuplicateAuthorization),
    ],
)
def test_the_bearer_is_one_token_in_one_form(value, error):
    with pytest.raises(error):
        bearer(value)


def test_the_scheme_is_taken_in_any_case():
    assert bearer(b"bEaReR abc") == "abc"


def test_the_keys_are_followed(issuer):
    follower = follow(issuer.url)
    try:
        assert follower.wait_ready(10)
        assert len(follower.value) == 1
    finally:
        follower.close()


def test_a_set_without_a_usable_key_is_no_set():
    with pytest.raises(ValueError, match="no usable key"):
        follow("http://127.0.0.1:1")._parse(b'{"keys": []}')
