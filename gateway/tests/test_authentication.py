"""The token check at the edge."""

import asyncio
import json
import threading
import time

import pytest
from gateway.authentication import Edge, bearer
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


def check(edge, token, audience="orders-service"):
    return asyncio.run(edge.check(audience, authorization(token)))


def refused(edge, token):
    with pytest.raises(Refusal) as refusal:
        check(edge, token)
    return refusal.value


def edge_with(documents):
    return Edge("http://localhost:8080", ["orders-service", "users-service"], documents, now=time.time)


@pytest.fixture
def statuses(mint):
    return FakeStatusList(mint, size=64)


def test_a_good_token_passes_with_its_claims(mint):
    assert check(edge_with(Documents(mint)), mint.sign()).subject


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
        check(edge_with(Documents(mint)), mint.sign(mint.claims(**claims)))

    assert (refusal.value.kind.status, refusal.value.slug) == (401, slug)
    assert dict(refusal.value.headers)[b"www-authenticate"].startswith(b'Bearer error="invalid_token"')


def test_no_token_is_answered_with_the_plain_challenge(mint):
    with pytest.raises(Refusal) as refusal:
        check(edge_with(Documents(mint)), None)

    assert refusal.value.headers == ((b"www-authenticate", b"Bearer"),)


def test_without_keys_a_token_is_neither_good_nor_bad(mint):
    edge = edge_with(Documents())

    with pytest.raises(Refusal) as refusal:
        check(edge, mint.sign())

    assert not edge.ready()
    assert refusal.value.kind.status == 503
    assert dict(refusal.value.headers)[b"retry-after"]


def test_a_key_that_is_newer_than_ours_is_fetched(mint):
    new = TokenSigner("http://localhost:8080", key=None, kid="new")

    assert check(edge_with(Documents(mint, later=[new])), new.sign()).subject


def test_a_key_that_nobody_knows_is_refused(mint):
    with pytest.raises(Refusal) as refusal:
        check(edge_with(Documents(mint)), mint.sign(header={"kid": "other"}))

    assert refusal.value.slug == "unknown_key"


def test_keys_that_are_on_their_way_are_waited_for(mint):
    assert check(edge_with(Documents(later=[mint])), mint.sign()).subject


def test_a_token_whose_bit_is_not_set_passes(mint, statuses):
    assert check(edge_with(Documents(mint, lists=[statuses])), mint.sign(mint.claims(status=7))).status


def test_a_token_of_a_session_that_has_ended_is_refused(mint, statuses):
    statuses[7] = 1

    refusal = refused(edge_with(Documents(mint, lists=[statuses])), mint.sign(mint.claims(status=7)))

    assert (refusal.kind.status, refusal.slug) == (401, "revoked_token")
    assert dict(refusal.headers)[b"www-authenticate"].startswith(b'Bearer error="invalid_token"')


def test_a_token_that_passed_is_refused_once_its_session_has_ended(mint, statuses):
    edge, token = edge_with(Documents(mint, lists=[statuses])), mint.sign(mint.claims(status=7))
    check(edge, token)
    statuses[7] = 1

    assert refused(edge, token).slug == "revoked_token"


@pytest.mark.parametrize("reference", [{"idx": 64}, {"uri": "https://attacker.example/status-lists/1"}])
def test_a_status_that_is_none_of_the_issuers_is_refused(mint, statuses, reference):
    status = {"status_list": mint.status(7)["status_list"] | reference}

    refusal = refused(edge_with(Documents(mint, lists=[statuses])), mint.sign(mint.claims(status=status)))

    assert (refusal.kind.status, refusal.slug) == (401, "unknown_status")


def test_a_list_met_for_the_first_time_is_waited_for(mint, statuses):
    documents = Documents(mint, later_lists=[statuses])

    assert check(edge_with(documents), mint.sign(mint.claims(status=7))).subject
    assert documents.waited == [statuses.uri]


def test_a_list_that_does_not_come_leaves_the_token_neither_good_nor_bad(mint):
    refusal = refused(edge_with(Documents(mint)), mint.sign(mint.claims(status=7)))

    assert (refusal.kind.status, refusal.slug) == (503, "status_unavailable")
    assert dict(refusal.headers)[b"retry-after"]


def test_a_new_key_and_a_new_list_may_come_with_one_token(mint, statuses):
    new = TokenSigner("http://localhost:8080", kid="new")
    documents = Documents(mint, later=[new], later_lists=[statuses])

    assert check(edge_with(documents), new.sign(new.claims(status=7))).subject


def gathered(edge, tokens, meanwhile):
    async def ask():
        asked = [asyncio.create_task(edge.check("orders-service", authorization(t))) for t in tokens]
        await asyncio.sleep(0)
        await meanwhile(asked)
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(ask())


async def until(question):
    async with asyncio.timeout(10):
        while not question():  # noqa: ASYNC110 - what it asks after happens in other threads
            await asyncio.sleep(0.001)


def test_however_many_requests_meet_a_list_one_thread_waits_and_one_that_leaves_takes_nobody_along(
    mint, statuses
):
    documents = Documents(mint, later_lists=[statuses])
    documents.gate.clear()

    async def leave(asked):
        await until(lambda: documents.waited)
        asked[0].cancel()
        await asyncio.sleep(0)
        documents.gate.set()

    answers = gathered(edge_with(documents), [mint.sign(mint.claims(status=n)) for n in range(20)], leave)

    assert documents.waited == [statuses.uri]
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(answer.subject for answer in answers[1:])


def test_past_a_few_lists_at_once_a_token_is_answered_without_waiting(mint):
    documents = Documents(mint)
    documents.gate.clear()
    tokens = [mint.sign(mint.claims(status=mint.status(7, number))) for number in range(1, 5)]

    async def go_on(asked):
        await until(lambda: len(documents.waited) == 2 and all(each.done() for each in asked[2:]))
        documents.gate.set()

    answers = gathered(edge_with(documents), tokens, go_on)

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
def test_the_bearer_is_one_token_in_one_form(value, error):
    with pytest.raises(error):
        bearer(value)


def test_the_scheme_is_taken_in_any_case():
    assert bearer(b"bEaReR abc") == "abc"
