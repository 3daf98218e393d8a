"""The token check at the authentication."""

import asyncio
import json
import threading
import time

import pytest
from gateway.authentication import Authentication, bearer_token
from gateway.errors import Refusal
from testkit.status_list import FakeStatusList
from testkit.token_signer import TokenSigner
from touchstone import KeySet
from touchstone.errors import (
    DuplicateAuthorization,
    MalformedAuthorization,
    MissingToken,
    StatusUnavailable,
    Unavailable,
    UnknownStatus,
)
from touchstone.status import read


def keys_of(*mints):
    return KeySet.from_jwks(json.dumps(mints[0].jwks(*mints[1:])).encode())


class Documents:
    """What is followed: the mints' keys, and status lists; `later` comes with the first wait or refresh."""

    def __init__(self, *mints, later=(), lists=(), later_lists=()):
        self.set = keys_of(*mints) if mints else None
        self.later = later
        self.lists = {each.uri: each for each in lists}
        self.later_lists = {each.uri: each for each in later_lists}
        self.waited = []
        self.gate = threading.Event()
        self.gate.set()

    def keys(self):
        if self.set is None:
            raise Unavailable(5)
        return self.set

    def status_list(self, uri):
        if not uri.startswith("http://localhost:8080/status-lists/"):
            raise UnknownStatus
        if uri not in self.lists:
            raise StatusUnavailable(uri, 5)
        each = self.lists[uri]
        signer = keys_of(each.signer)
        return read(each.token(), signer, uri=uri, issuer=each.signer.issuer, now=time.time())

    def wait_first(self, uri, seconds):
        self.waited.append(uri)
        self.gate.wait(10)
        if uri is None:
            self.refresh_keys(seconds)
        elif uri in self.later_lists:
            self.lists[uri] = self.later_lists[uri]

    def refresh_keys(self, seconds):
        if self.later:
            self.set = keys_of(*self.later)

    def ready(self):
        return self.set is not None

    def close(self):
        """Nothing is followed."""


def authorization(token):
    return None if token is None else f"Bearer {token}".encode()


def check(authentication, token, audience="orders-service"):
    return asyncio.run(authentication.check(audience, authorization(token)))


def refused(authentication, token):
    with pytest.raises(Refusal) as refusal:
        check(authentication, token)
    return refusal.value


def authentication_with(documents):
    return Authentication(
        "http://localhost:8080", ["orders-service", "users-service"], documents, now=time.time
    )


@pytest.fixture
def statuses(mint):
    return FakeStatusList(mint, size=64)


def test_token_valid_returns_claims(mint):
    assert check(authentication_with(Documents(mint)), mint.sign()).subject


@pytest.mark.parametrize(
    ("claims", "slug"),
    [
        ({"aud": "users-service"}, "wrong_audience"),
        ({"exp": 1_700_000_000}, "expired_token"),
        ({"iss": "http://evil"}, "wrong_issuer"),
    ],
)
def test_token_invalid_is_401_with_challenge(mint, claims, slug):
    with pytest.raises(Refusal) as refusal:
        check(authentication_with(Documents(mint)), mint.sign(mint.claims(**claims)))

    assert (refusal.value.kind.status, refusal.value.slug) == (401, slug)
    assert dict(refusal.value.headers)[b"www-authenticate"].startswith(b'Bearer error="invalid_token"')


def test_token_missing_gets_plain_challenge(mint):
    with pytest.raises(Refusal) as refusal:
        check(authentication_with(Documents(mint)), None)

    assert refusal.value.headers == ((b"www-authenticate", b"Bearer"),)


def test_keys_missing_is_503(mint):
    authentication = authentication_with(Documents())

    with pytest.raises(Refusal) as refusal:
        check(authentication, mint.sign())

    assert not authentication.ready()
    assert refusal.value.kind.status == 503
    assert dict(refusal.value.headers)[b"retry-after"]


def test_key_new_is_fetched(mint):
    new = TokenSigner("http://localhost:8080", key=None, kid="new")

    assert check(authentication_with(Documents(mint, later=[new])), new.sign()).subject


def test_key_unknown_is_401(mint):
    with pytest.raises(Refusal) as refusal:
        check(authentication_with(Documents(mint)), mint.sign(header={"kid": "other"}))

    assert refusal.value.slug == "unknown_key"


def test_keys_missing_are_awaited(mint):
    assert check(authentication_with(Documents(later=[mint])), mint.sign()).subject


def test_status_not_set_is_accepted(mint, statuses):
    assert check(
        authentication_with(Documents(mint, lists=[statuses])), mint.sign(mint.claims(status=7))
    ).status


def test_token_revoked_is_401(mint, statuses):
    statuses[7] = 1

    refusal = refused(
        authentication_with(Documents(mint, lists=[statuses])), mint.sign(mint.claims(status=7))
    )

    assert (refusal.kind.status, refusal.slug) == (401, "revoked_token")
    assert dict(refusal.headers)[b"www-authenticate"].startswith(b'Bearer error="invalid_token"')


def test_token_revoked_after_use_is_401(mint, statuses):
    authentication, token = (
        authentication_with(Documents(mint, lists=[statuses])),
        mint.sign(mint.claims(status=7)),
    )
    check(authentication, token)
    statuses[7] = 1

    assert refused(authentication, token).slug == "revoked_token"


@pytest.mark.parametrize("reference", [{"idx": 64}, {"uri": "https://attacker.example/status-lists/1"}])
def test_status_unknown_is_401(mint, statuses, reference):
    status = {"status_list": mint.status(7)["status_list"] | reference}

    refusal = refused(
        authentication_with(Documents(mint, lists=[statuses])), mint.sign(mint.claims(status=status))
    )

    assert (refusal.kind.status, refusal.slug) == (401, "unknown_status")


def test_status_list_new_is_awaited(mint, statuses):
    documents = Documents(mint, later_lists=[statuses])

    assert check(authentication_with(documents), mint.sign(mint.claims(status=7))).subject
    assert documents.waited == [statuses.uri]


def test_status_list_missing_is_503(mint):
    refusal = refused(authentication_with(Documents(mint)), mint.sign(mint.claims(status=7)))

    assert (refusal.kind.status, refusal.slug) == (503, "status_unavailable")
    assert dict(refusal.headers)[b"retry-after"]


def test_key_and_list_new_with_one_token(mint, statuses):
    new = TokenSigner("http://localhost:8080", kid="new")
    documents = Documents(mint, later=[new], later_lists=[statuses])

    assert check(authentication_with(documents), new.sign(new.claims(status=7))).subject


def gathered(authentication, tokens, meanwhile):
    async def ask():
        asked = [
            asyncio.create_task(authentication.check("orders-service", authorization(t))) for t in tokens
        ]
        await asyncio.sleep(0)
        await meanwhile(asked)
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(ask())


async def until(question):
    async with asyncio.timeout(10):
        while not question():  # noqa: ASYNC110 - what it asks after happens in other threads
            await asyncio.sleep(0.001)


def test_list_awaited_once_for_many_requests(mint, statuses):
    documents = Documents(mint, later_lists=[statuses])
    documents.gate.clear()

    async def leave(asked):
        await until(lambda: documents.waited)
        asked[0].cancel()
        await asyncio.sleep(0)
        documents.gate.set()

    answers = gathered(
        authentication_with(documents), [mint.sign(mint.claims(status=n)) for n in range(20)], leave
    )

    assert documents.waited == [statuses.uri]
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(answer.subject for answer in answers[1:])


def test_lists_awaited_at_once_are_bounded(mint):
    documents = Documents(mint)
    documents.gate.clear()
    tokens = [mint.sign(mint.claims(status=mint.status(7, number))) for number in range(1, 5)]

    async def go_on(asked):
        await until(lambda: len(documents.waited) == 2 and all(each.done() for each in asked[2:]))
        documents.gate.set()

    answers = gathered(authentication_with(documents), tokens, go_on)

    assert [answer.slug for answer in answers] == ["status_unavailable"] * 4
    assert len(documents.waited) == 2


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
def test_bearer_malformed_is_refused(value, error):
    with pytest.raises(error):
        bearer_token(value)


def test_bearer_scheme_is_case_insensitive():
    assert bearer_token(b"bEaReR abc") == "abc"
