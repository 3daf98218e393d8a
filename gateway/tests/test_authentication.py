"""The token check."""

import asyncio
import json
import threading
import time

import pytest
from gateway.authentication import Authentication, bearer_token
from gateway.errors import Refusal
from gateway.routing.route import Route
from testkit.status_list import FakeStatusList
from testkit.token_signer import TokenSigner
from touchstone import KeySet
from touchstone.errors import (
    DuplicateAuthorization,
    MalformedAuthorization,
    MissingToken,
    StatusUnavailable,
    Unavailable,
    Unconfirmed,
    UnknownStatus,
)
from touchstone.status import read


def keys_of(*signers):
    return KeySet.from_jwks(json.dumps(signers[0].jwks(*signers[1:])).encode())


class Documents:
    """Keys and status lists; those in `later` and `later_lists` come with the first wait or refresh.

    `recent` says whether they are confirmed; with `confirms` asking for it succeeds.
    """

    def __init__(self, *signers, later=(), lists=(), later_lists=()):
        self.set = keys_of(*signers) if signers else None
        self.later = later
        self.lists = {each.uri: each for each in lists}
        self.later_lists = {each.uri: each for each in later_lists}
        self.waited = []
        self.recent, self.confirms = True, False
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
        return read(each.token(), keys_of(each.signer), uri=uri, issuer=each.signer.issuer, now=time.time())

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

    def confirmed(self, claims):
        return self.recent

    def confirm(self, claims, seconds):
        self.waited.append(claims.status and claims.status.uri)
        self.gate.wait(10)
        if not self.confirms:
            raise Unconfirmed
        self.recent = True

    def ready(self):
        return self.set is not None

    def close(self):
        """Do nothing."""


def authorization(token):
    return None if token is None else f"Bearer {token}".encode()


def route(**needs):
    row = {"path": "/x", "methods": ["GET"], "upstream": "orders-service", "audience": "orders-service"}
    return Route(**row, **needs)


def check(authentication, token, **needs):
    return asyncio.run(authentication.check(route(**needs), authorization(token)))


def refused(authentication, token, **needs):
    with pytest.raises(Refusal) as refusal:
        check(authentication, token, **needs)
    return refusal.value


def checking(documents):
    return Authentication(
        "http://localhost:8080", ["orders-service", "users-service"], documents, now=time.time
    )


@pytest.fixture
def statuses(signer):
    return FakeStatusList(signer, size=64)


def test_token_valid_returns_claims(signer):
    assert check(checking(Documents(signer)), signer.sign()).subject


@pytest.mark.parametrize(
    ("claims", "slug"),
    [
        ({"aud": "users-service"}, "wrong_audience"),
        ({"exp": 1_700_000_000}, "expired_token"),
        ({"iss": "http://evil"}, "wrong_issuer"),
    ],
)
def test_token_invalid_is_401_with_challenge(signer, claims, slug):
    with pytest.raises(Refusal) as refusal:
        check(checking(Documents(signer)), signer.sign(signer.claims(**claims)))

    assert (refusal.value.kind.status, refusal.value.slug) == (401, slug)
    assert dict(refusal.value.headers)[b"www-authenticate"].startswith(b'Bearer error="invalid_token"')


def test_token_missing_gets_plain_challenge(signer):
    with pytest.raises(Refusal) as refusal:
        check(checking(Documents(signer)), None)

    assert refusal.value.headers == ((b"www-authenticate", b"Bearer"),)


def test_keys_missing_is_503(signer):
    authentication = checking(Documents())

    with pytest.raises(Refusal) as refusal:
        check(authentication, signer.sign())

    assert not authentication.ready()
    assert refusal.value.kind.status == 503
    assert dict(refusal.value.headers)[b"retry-after"]


def test_key_new_is_fetched(signer):
    new = TokenSigner("http://localhost:8080", key=None, kid="new")

    assert check(checking(Documents(signer, later=[new])), new.sign()).subject


def test_key_unknown_is_401(signer):
    with pytest.raises(Refusal) as refusal:
        check(checking(Documents(signer)), signer.sign(header={"kid": "other"}))

    assert refusal.value.slug == "unknown_key"


def test_keys_missing_are_awaited(signer):
    assert check(checking(Documents(later=[signer])), signer.sign()).subject


def test_status_not_set_is_accepted(signer, statuses):
    assert check(checking(Documents(signer, lists=[statuses])), signer.sign(signer.claims(status=7))).status


def test_token_revoked_is_401(signer, statuses):
    statuses[7] = 1

    refusal = refused(checking(Documents(signer, lists=[statuses])), signer.sign(signer.claims(status=7)))

    assert (refusal.kind.status, refusal.slug) == (401, "revoked_token")
    assert dict(refusal.headers)[b"www-authenticate"].startswith(b'Bearer error="invalid_token"')


def test_token_revoked_after_use_is_401(signer, statuses):
    authentication, token = (
        checking(Documents(signer, lists=[statuses])),
        signer.sign(signer.claims(status=7)),
    )
    check(authentication, token)
    statuses[7] = 1

    assert refused(authentication, token).slug == "revoked_token"


@pytest.mark.parametrize("reference", [{"idx": 64}, {"uri": "https://attacker.example/status-lists/1"}])
def test_status_unknown_is_401(signer, statuses, reference):
    status = {"status_list": signer.status(7)["status_list"] | reference}

    refusal = refused(
        checking(Documents(signer, lists=[statuses])), signer.sign(signer.claims(status=status))
    )

    assert (refusal.kind.status, refusal.slug) == (401, "unknown_status")


def test_status_list_new_is_awaited(signer, statuses):
    documents = Documents(signer, later_lists=[statuses])

    assert check(checking(documents), signer.sign(signer.claims(status=7))).subject
    assert documents.waited == [statuses.uri]


def test_status_list_missing_is_503(signer):
    refusal = refused(checking(Documents(signer)), signer.sign(signer.claims(status=7)))

    assert (refusal.kind.status, refusal.slug) == (503, "status_unavailable")
    assert dict(refusal.headers)[b"retry-after"]


def test_key_and_list_new_with_one_token(signer, statuses):
    new = TokenSigner("http://localhost:8080", kid="new")
    documents = Documents(signer, later=[new], later_lists=[statuses])

    assert check(checking(documents), new.sign(new.claims(status=7))).subject


def gathered(authentication, tokens, meanwhile, **needs):
    async def run():
        tasks = [asyncio.create_task(authentication.check(route(**needs), authorization(t))) for t in tokens]
        await asyncio.sleep(0)
        await meanwhile(tasks)
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(run())


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it depends on other threads
            await asyncio.sleep(0.001)


def test_list_awaited_once_for_many_requests(signer, statuses):
    documents = Documents(signer, later_lists=[statuses])
    documents.gate.clear()

    async def leave(tasks):
        await until(lambda: documents.waited)
        tasks[0].cancel()
        await asyncio.sleep(0)
        documents.gate.set()

    results = gathered(checking(documents), [signer.sign(signer.claims(status=n)) for n in range(20)], leave)

    assert documents.waited == [statuses.uri]
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(result.subject for result in results[1:])


def test_lists_awaited_at_once_are_bounded(signer):
    documents = Documents(signer)
    documents.gate.clear()
    tokens = [signer.sign(signer.claims(status=signer.status(7, number))) for number in range(1, 5)]

    async def go_on(tasks):
        await until(lambda: len(documents.waited) == 2 and all(each.done() for each in tasks[2:]))
        documents.gate.set()

    results = gathered(checking(documents), tokens, go_on)

    assert [result.slug for result in results] == ["status_unavailable"] * 4
    assert len(documents.waited) == 2


def test_scope_missing_is_403_with_challenge(signer):
    token = signer.sign(signer.claims(scope="orders:read"))

    refusal = refused(checking(Documents(signer)), token, scopes=["orders:read", "orders:write"])

    assert (refusal.kind.status, refusal.slug) == (403, "insufficient_scope")
    assert refusal.headers == (
        (b"www-authenticate", b'Bearer error="insufficient_scope", scope="orders:read orders:write"'),
    )


def test_scopes_of_the_route_are_enough(signer):
    token = signer.sign(signer.claims(scope="orders:write profile:read orders:read"))

    assert check(checking(Documents(signer)), token, scopes=["orders:read", "orders:write"]).subject


@pytest.mark.parametrize("status", [7, None])
def test_fresh_route_unconfirmed_is_503(signer, statuses, status):
    documents = Documents(signer, lists=[statuses])
    documents.recent = False
    claims = signer.claims() if status is None else signer.claims(status=status)

    refusal = refused(checking(documents), signer.sign(claims), fresh=True)

    assert (refusal.kind.status, refusal.slug) == (503, "unconfirmed")
    assert dict(refusal.headers)[b"retry-after"]
    assert check(checking(documents), signer.sign(claims)).subject


def test_fresh_route_is_confirmed_once_for_many(signer, statuses):
    documents = Documents(signer, lists=[statuses])
    documents.recent, documents.confirms = False, True
    documents.gate.clear()
    tokens = [signer.sign(signer.claims(status=number)) for number in range(5)]

    async def go_on(_tasks):
        await until(lambda: documents.waited)
        documents.gate.set()

    results = gathered(checking(documents), tokens, go_on, fresh=True)

    assert documents.waited == [statuses.uri]
    assert all(result.subject for result in results)


def test_token_revoked_while_confirmed_is_401(signer, statuses):
    documents = Documents(signer, lists=[statuses])
    documents.recent, documents.confirms = False, True
    documents.gate.clear()

    async def revoke(_tasks):
        await until(lambda: documents.waited)
        statuses[7] = 1
        documents.gate.set()

    (result,) = gathered(checking(documents), [signer.sign(signer.claims(status=7))], revoke, fresh=True)

    assert result.slug == "revoked_token"


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
