"""Keys and lists of an issuer, from their first fetch to an outage of half a day."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from touchstone import IssuerDocuments, StatusReference, errors
from touchstone.following.follower import _after_fork
from touchstone.following.issuer_documents import MAX_LISTS

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")

ISSUER, NOW = "https://issuer.example", 1_900_000_000
JWKS = "/.well-known/jwks.json"
LIST = "/status-lists/1"
URI = ISSUER + LIST


@pytest.fixture
def publish(server, response, signer):
    """Publish a document of the issuer from now on."""

    def plan(path, body, status=200, max_age=3600, before=lambda: None):
        headers = {"ETag": f'"{hash(body)}"', "Cache-Control": f"max-age={max_age}"}
        server.plan(response(status, body, headers, before), at=path)

    plan(JWKS, signer.jwks())
    plan(LIST, signer.list_token(URI))
    return plan


@pytest.fixture
def monotonic(make_clock):
    return make_clock(1000)


@pytest.fixture
def make(server, publish, clock, monotonic):
    """`make(**settings)`: the documents of the issuer."""
    made = []

    def documents(**settings):
        made.append(IssuerDocuments(ISSUER, backchannel=server.url, now=clock, clock=monotonic, **settings))
        return made[-1]

    yield documents
    for documents in made:
        documents.close()


@pytest.fixture
def documents(make):
    return make()


@pytest.fixture
def claims(policy, keys, clock, signer, verifier):
    """`claims(uri)`: the claims of a token with a status in that list, or without one."""
    plain = verifier.verify(signer.token())

    def of(uri=None):
        return plain if uri is None else plain._replace(status=StatusReference(0, uri))

    return of


@pytest.fixture
def settled(server, eventually):
    """Get keys and a list, and end the first fetches, so that no test moves the clock during one."""

    def settle(documents):
        found = listed(documents)
        eventually(lambda: [each.fetches for each in documents.stats()] == [2, 2])
        return found

    return settle


def listed(documents, uri=URI):
    """Return a list after waiting for its first fetch, as a request does."""
    _ready(documents)
    try:
        return documents.status_list(uri)
    except errors.StatusUnavailable:
        documents.wait_first(uri, 10)
        return documents.status_list(uri)


def _ready(documents):
    documents.wait_first(None, 10)
    return documents.keys()


# --- fetches --------------------------------------------------------------------------------------------------


def test_constructor_fetches_nothing(documents, server):
    assert server.requests == []


def test_missing_documents_raise_without_waiting(documents):
    with pytest.raises(errors.Unavailable):
        documents.keys()
    with pytest.raises(errors.StatusUnavailable) as caught:
        documents.status_list(URI)
    assert caught.value.uri == URI


def test_list_is_fetched_at_backchannel(documents, server):
    assert listed(documents).uri == URI
    assert server.counts[LIST] >= 1


def test_paths_are_settings(make, publish, signer, server):
    publish("/keys", signer.jwks())
    publish("/lists/7", signer.list_token(f"{ISSUER}/lists/7"))
    documents = make(jwks_path="/keys", status_path="/lists/")
    assert listed(documents, f"{ISSUER}/lists/7")
    assert server.counts[JWKS] == 0


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "x",
        ISSUER,
        f"{ISSUER}/status-lists/",
        f"{ISSUER}/status-lists",
        f"{ISSUER}/status-lists/0",
        f"{ISSUER}/status-lists/01",
        f"{ISSUER}/status-lists/1/",
        f"{ISSUER}/status-lists/+1",
        f"{ISSUER}/status-lists/-1",
        f"{ISSUER}/status-lists/1\n",
        f"{ISSUER}/status-lists/%31",
        f"{ISSUER}/status-lists/\uff11",
        f"{ISSUER}/status-lists/1?x=1",
        f"{ISSUER}/status-lists/1#x",
        f"{ISSUER}/status-lists/../1",
        f"{ISSUER}//status-lists/1",
        f"{ISSUER}/status-lists/1234567890",
        f"{ISSUER}/status-lists/one",
        "http://issuer.example/status-lists/1",
        "https://issuer.example.evil/status-lists/1",
        "https://issuer.example@evil/status-lists/1",
        "https://other.example/status-lists/1",
        "1",
    ],
)
def test_other_addresses_are_never_fetched(documents, server, uri):
    for use in (documents.status_list, lambda uri: documents.wait_first(uri, 0)):
        with pytest.raises(errors.UnknownStatus):
            use(uri)
    assert server.requests == []


def test_threads_share_fetch_of_list(documents, server):
    _ready(documents)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(listed, [documents] * 20))
    assert len(documents.stats()) == 2
    assert server.counts[LIST] <= 2  # the first fetch, and a second one because this server does not wait


def test_last_64_lists_are_followed(documents):
    for number in range(1, MAX_LISTS + 3):
        with pytest.raises(errors.StatusUnavailable):
            documents.status_list(f"{ISSUER}/status-lists/{number}")
    names = [each.name for each in documents.stats()]
    assert names == ["jwks", *(f"status-lists/{number}" for number in range(3, MAX_LISTS + 3))]


def test_dropped_list_can_be_followed_again(documents):
    listed(documents)
    for number in range(2, MAX_LISTS + 2):
        with pytest.raises(errors.StatusUnavailable):
            documents.status_list(f"{ISSUER}/status-lists/{number}")
    assert listed(documents).uri == URI


def test_dropped_list_is_closed(documents):
    listed(documents)
    thread = documents._lists[URI]._thread
    for number in range(2, MAX_LISTS + 2):
        with pytest.raises(errors.StatusUnavailable):
            documents.status_list(f"{ISSUER}/status-lists/{number}")
    thread.join(10)
    assert not thread.is_alive()


def test_close_stops_new_lists(documents, server):
    documents.close()
    with pytest.raises(errors.StatusUnavailable):
        documents.status_list(URI)
    documents.wait_first(URI, 0.01)
    assert server.requests == []


# --- accepted documents ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"sub": f"{ISSUER}/status-lists/2"},
        {"iss": "https://other.example"},
        {"iat": NOW + 31},
        {"exp": NOW - 30},
        {"header": {"typ": "at+jwt"}},
        {"header": {"kid": "key-2"}},
    ],
    ids=str,
)
def test_list_of_other_uri_is_refused(documents, publish, signer, change):
    publish(LIST, signer.list_token(URI, **change))
    with pytest.raises(errors.StatusUnavailable):
        listed(documents)


def test_list_of_other_signer_is_refused(documents, publish, other_signer):
    publish(LIST, other_signer.list_token(URI))
    with pytest.raises(errors.StatusUnavailable):
        listed(documents)


def test_list_with_new_key_is_accepted(documents, publish, signer, other_signer):
    _ready(documents)
    publish(JWKS, signer.jwks(other_signer.jwk(kid="key-2")))
    publish(LIST, other_signer.list_token(URI, header={"kid": "key-2"}))
    assert listed(documents)


def test_older_list_is_refused(documents, publish, signer):
    assert listed(documents)
    follower = documents._lists[URI]
    publish(LIST, signer.list_token(URI, b"\xff\xff", iat=NOW - 31))
    follower.poll()
    assert follower.last_error == "ValueError: older than the current list"
    publish(LIST, signer.list_token(URI, b"\xff\xff", iat=NOW - 30))
    follower.poll()
    assert follower.last_error is None
    assert documents.status_list(URI).get(0) == 1


def test_same_list_signed_earlier_is_accepted(documents, publish, signer):
    assert listed(documents)
    follower = documents._lists[URI]
    publish(LIST, signer.list_token(URI, iat=NOW - 3600))
    follower.poll()
    assert follower.last_error is None


def test_largest_list_is_accepted(documents, publish, signer):
    publish(LIST, signer.list_token(URI, os.urandom(131_072)))
    assert len(listed(documents)) == 2**20


# --- freshness ------------------------------------------------------------------------------------------------


def test_fetched_documents_are_confirmed(documents, claims):
    listed(documents)
    assert documents.confirmed(claims())
    assert documents.confirmed(claims(URI))


def test_missing_documents_are_unconfirmed(documents, claims):
    _ready(documents)
    assert documents.confirmed(claims())
    assert not documents.confirmed(claims(URI))


@pytest.mark.parametrize(("age", "confirmed"), [(30, True), (30.1, False)])
def test_confirmation_lasts_30_seconds(documents, claims, monotonic, age, confirmed, settled):
    settled(documents)
    monotonic.advance(age)
    assert documents.confirmed(claims(URI)) is confirmed


def test_fresh_within_is_a_setting(make, claims, monotonic, settled):
    documents = make(fresh_within=5)
    settled(documents)
    monotonic.advance(5.1)
    assert not documents.confirmed(claims(URI))


def test_polled_server_is_confirmed_on_demand(documents, claims, monotonic, settled, idle):
    settled(documents)
    for _ in range(5):
        monotonic.advance(31)
        documents.confirm(claims(URI), 10)
        assert documents.confirmed(claims(URI))
        idle(documents)


def test_recent_confirmation_fetches_nothing(documents, claims, server, eventually):
    listed(documents)
    eventually(lambda: server.counts[JWKS] == server.counts[LIST] == 2)
    documents.confirm(claims(URI), 10)
    assert server.counts[JWKS] == server.counts[LIST] == 2


def test_threads_share_confirmation(
    documents, claims, publish, signer, monotonic, server, eventually, settled
):
    settled(documents)
    monotonic.advance(31)
    released = threading.Event()
    publish(LIST, signer.list_token(URI), before=lambda: released.wait(10))
    with ThreadPoolExecutor(20) as pool:
        confirmations = [pool.submit(documents.confirm, claims(URI), 10) for _ in range(20)]
        released.set()
    assert [each.result() for each in confirmations] == [None] * 20
    assert server.counts[LIST] == 3


def test_confirm_without_issuer_raises_unconfirmed(documents, claims, publish, monotonic, settled):
    settled(documents)
    monotonic.advance(31)
    publish(LIST, b"", status=500)
    with pytest.raises(errors.Unconfirmed) as caught:
        documents.confirm(claims(URI), 10)
    assert caught.value.retry_after == 5
    documents.confirm(claims(), 10)  # without a status no list is needed


def test_confirm_ends_at_timeout(documents, claims, publish, signer, monotonic, settled):
    settled(documents)
    monotonic.advance(31)
    released = threading.Event()
    publish(LIST, signer.list_token(URI), before=lambda: released.wait(10))
    with pytest.raises(errors.Unconfirmed):
        documents.confirm(claims(URI), 0.01)
    released.set()


def test_confirm_may_bring_revocation(documents, claims, publish, signer, monotonic, settled):
    settled(documents)
    monotonic.advance(31)
    publish(LIST, signer.list_token(URI, b"\x01\x00"))
    documents.confirm(claims(URI), 10)
    assert documents.status_list(URI).get(0) == 1


def test_two_threads_wait_after_failure(documents, claims, publish, signer, monotonic, eventually, settled):
    settled(documents)
    follower = documents._lists[URI]
    publish(LIST, b"", status=500)
    follower.poll()
    monotonic.advance(31)
    released = threading.Event()
    publish(LIST, signer.list_token(URI), before=lambda: released.wait(10))
    outcomes = []

    def confirm():
        try:
            documents.confirm(claims(URI), 10)
            outcomes.append("confirmed")
        except errors.Unconfirmed:
            outcomes.append("refused")

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(confirm)
        eventually(lambda: len(outcomes) == 6)
        released.set()
    assert sorted(outcomes) == ["confirmed"] * 2 + ["refused"] * 6


# --- outages --------------------------------------------------------------------------------------------------


@pytest.fixture
def outage(documents, publish, monotonic, clock):
    """`outage(seconds)`: make the issuer fail for that time of the manual clock."""

    def last(seconds, documents=documents):
        publish(JWKS, b"", status=500)
        publish(LIST, b"", status=500)
        for follower in (documents._keys, documents._lists[URI]):
            follower.poll(wait=False)
        monotonic.advance(seconds)
        clock.advance(seconds)
        for follower in (documents._keys, documents._lists[URI]):
            follower.poll(wait=False)

    return last


def test_documents_survive_outage_of_an_hour(documents, outage, settled):
    held = settled(documents)
    outage(3600)
    assert documents.status_list(URI) is held
    assert documents.keys()
    assert documents.ready()


def test_documents_are_dropped_after_12_hours(documents, outage, settled):
    settled(documents)
    outage(43_201)
    with pytest.raises(errors.StatusUnavailable):
        documents.status_list(URI)
    with pytest.raises(errors.Unavailable):
        documents.keys()
    assert not documents.ready()


def test_stale_within_is_a_setting(make, outage, settled):
    documents = make(stale_within=100)
    settled(documents)
    outage(101, documents)
    assert not documents.ready()


def test_outage_end_restores_everything(documents, outage, publish, signer, claims, settled):
    settled(documents)
    outage(43_201)
    publish(JWKS, signer.jwks())
    publish(LIST, signer.list_token(URI, b"\x01\x00", iat=NOW + 43_200, exp=NOW + 90_000))
    for follower in (documents._keys, documents._lists[URI]):
        follower.poll()
    assert documents.status_list(URI).get(0) == 1
    assert documents.confirmed(claims(URI))


def test_outage_is_logged_once_per_document(documents, outage, caplog, settled, server):
    settled(documents)
    for _ in range(5):
        outage(61)
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len([error for error in errors if server.url in error]) == 2


def test_start_in_outage_uses_snapshots(make, outage, tmp_path, settled):
    before = make(snapshots=tmp_path)
    held = settled(before)
    outage(3600, before)
    before.close()
    after = make(snapshots=tmp_path)
    assert _ready(after) == before.keys()
    assert listed(after) == held
    assert after.stats()[0].age is None


def test_snapshot_is_unconfirmed(make, outage, tmp_path, claims, settled):
    before = make(snapshots=tmp_path)
    settled(before)
    outage(1, before)
    before.close()
    after = make(snapshots=tmp_path)
    listed(after)
    assert not after.confirmed(claims(URI))
    with pytest.raises(errors.Unconfirmed):
        after.confirm(claims(URI), 0.1)


def test_start_with_issuer_ignores_snapshots(make, publish, signer, tmp_path):
    before = make(snapshots=tmp_path)
    listed(before)
    before.close()
    publish(LIST, signer.list_token(URI, b"\x01\x00"))
    assert listed(make(snapshots=tmp_path)).get(0) == 1


def test_changed_snapshot_is_refused(make, outage, tmp_path, other_signer, settled):
    before = make(snapshots=tmp_path)
    settled(before)
    outage(1, before)
    before.close()
    (file,) = tmp_path.glob("*-status-lists-1")
    file.write_bytes(other_signer.list_token(URI))
    os.utime(file, (NOW, NOW))
    with pytest.raises(errors.StatusUnavailable):
        listed(make(snapshots=tmp_path))


def test_issuers_share_folder_without_conflict(server, publish, tmp_path, clock):
    for url in (ISSUER, "https://other.example"):
        documents = IssuerDocuments(url, backchannel=server.url, snapshots=tmp_path, now=clock)
        _ready(documents)
        documents.close()
    assert len(list(tmp_path.iterdir())) == 2


# --- statistics -----------------------------------------------------------------------------------------------


def test_stats_cover_each_document(documents, monotonic, eventually, server, settled):
    settled(documents)
    eventually(lambda: documents.stats()[1].fetches == 2)
    monotonic.advance(7)
    jwks, first = documents.stats()
    assert (jwks.name, first.name) == ("jwks", "status-lists/1")
    assert (first.age, first.version, first.last_error) == (7, 1, None)
    assert (first.fetches, first.unchanged, first.failures, first.waits) == (2, 1, 0, 0)


def test_stats_count_failures(documents, publish):
    publish(JWKS, b"", status=500)
    documents.wait_first(None, 10)
    stats = documents.stats()[0]
    assert stats.failures >= 1
    assert stats.fetches == stats.failures
    assert stats.last_error == "BadResponseError: answered 500"
    assert stats.age is None


def test_health_describes_keys(documents):
    assert documents.health() == {"keys": 0, "age": None, "last_error": None}
    _ready(documents)
    assert documents.health() == {"keys": 1, "age": 0, "last_error": None}


# --- forks ----------------------------------------------------------------------------------------------------


def test_fork_keeps_documents(documents):
    keys, held = _ready(documents), listed(documents)
    _after_fork()
    assert documents.keys() is keys
    assert documents.status_list(URI) is held


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_forked_child_follows_documents(documents, server, publish, signer):
    held = listed(documents)
    child = os.fork()
    if child == 0:  # pragma: no cover - measured in the parent only
        fine = False
        try:
            another = f"{ISSUER}/status-lists/2"
            fine = documents.status_list(URI) is held
            fine &= documents._lists[URI]._thread.is_alive()
            documents.wait_first(another, 10)
            documents.refresh_keys(10)
            fine &= documents._keys.last_error is None
        finally:
            os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert server.counts["/status-lists/2"] >= 1
