"""What is followed of one issuer: keys and lists, from their first meeting to an outage of half a day."""

import os
import threading

import pytest
from touchstone import IssuerDocuments, StatusReference, errors
from touchstone.following import follower as module
from touchstone.following.issuer_documents import MAX_LISTS

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")

ISSUER, NOW = "https://mint.example", 1_900_000_000
JWKS = "/.well-known/jwks.json"
LIST = "/status-lists/1"
URI = ISSUER + LIST


@pytest.fixture
def publish(server, answer, mint):
    """Publish a document at the issuer from now on; it is there at once, and does not change."""

    def plan(path, body, status=200, max_age=3600, before=lambda: None):
        headers = {"ETag": f'"{hash(body)}"', "Cache-Control": f"max-age={max_age}"}
        server.plan(answer(status, body, headers, before), at=path)

    plan(JWKS, mint.jwks())
    plan(LIST, mint.list_token(URI))
    return plan


@pytest.fixture
def monotonic(make_clock):
    return make_clock(1000)


@pytest.fixture
def make(server, publish, clock, monotonic):
    """Make the documents of the issuer; closed at the end."""
    made = []

    def documents(**how):
        made.append(IssuerDocuments(ISSUER, backchannel=server.url, now=clock, clock=monotonic, **how))
        return made[-1]

    yield documents
    for documents in made:
        documents.close()


@pytest.fixture
def documents(make):
    return make()


@pytest.fixture
def claims(policy, keys, clock, mint, verifier):
    """The claims of a token without a status, and of one with."""
    plain = verifier.verify(mint.token())

    def of(uri=None):
        return plain if uri is None else plain._replace(status=StatusReference(0, uri))

    return of


@pytest.fixture
def settled(server, eventually):
    """Get keys and a list, and let the first questions end: an answer that the clock overtakes would be too slow."""

    def settle(documents):
        found = listed(documents)
        eventually(lambda: [each.fetches for each in documents.stats()] == [2, 2])
        return found

    return settle


def listed(documents, uri=URI):
    """Get a list as a request would: the first time it takes a moment."""
    _ready(documents)
    try:
        return documents.status_list(uri)
    except errors.StatusUnavailable:
        documents.wait_first(uri, 10)
        return documents.status_list(uri)


def _ready(documents):
    documents.wait_first(None, 10)
    return documents.keys()


# --- what is asked --------------------------------------------------------------------------------------------


def test_making_them_asks_nothing(documents, server):
    assert server.requests == []


def test_before_the_first_answer_nothing_is_known_and_nobody_waits(documents):
    with pytest.raises(errors.Unavailable):
        documents.keys()
    with pytest.raises(errors.StatusUnavailable) as caught:
        documents.status_list(URI)
    assert caught.value.uri == URI


def test_a_list_is_fetched_below_the_backchannel_when_a_token_names_it(documents, server):
    assert listed(documents).uri == URI
    assert server.asked[LIST] >= 1


def test_keys_and_lists_may_be_elsewhere(make, publish, mint, server):
    publish("/keys", mint.jwks())
    publish("/lists/7", mint.list_token(f"{ISSUER}/lists/7"))
    documents = make(jwks_path="/keys", status_path="/lists/")
    assert listed(documents, f"{ISSUER}/lists/7")
    assert server.asked[JWKS] == 0


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
        "http://mint.example/status-lists/1",
        "https://mint.example.evil/status-lists/1",
        "https://mint.example@evil/status-lists/1",
        "https://stranger.example/status-lists/1",
        "1",
    ],
)
def test_no_other_address_is_ever_asked(documents, server, uri):
    for use in (documents.status_list, lambda uri: documents.wait_first(uri, 0)):
        with pytest.raises(errors.UnknownStatus):
            use(uri)
    assert server.requests == []


def test_a_list_is_fetched_once_however_many_threads_meet_it(documents, server):
    _ready(documents)
    threads = [threading.Thread(target=listed, args=(documents,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(documents.stats()) == 2
    assert server.asked[LIST] <= 2  # the first fetch, and the one that finds that nobody waits here


def test_of_the_lists_the_last_64_that_were_met_are_followed(documents):
    for number in range(1, MAX_LISTS + 3):
        with pytest.raises(errors.StatusUnavailable):
            documents.status_list(f"{ISSUER}/status-lists/{number}")
    names = [each.name for each in documents.stats()]
    assert names == ["jwks", *(f"status-lists/{number}" for number in range(3, MAX_LISTS + 3))]


def test_a_list_that_had_to_go_can_be_met_again(documents):
    listed(documents)
    for number in range(2, MAX_LISTS + 2):
        with pytest.raises(errors.StatusUnavailable):
            documents.status_list(f"{ISSUER}/status-lists/{number}")
    assert listed(documents).uri == URI


def test_a_list_that_goes_is_not_followed_any_more(documents):
    listed(documents)
    thread = documents._lists[URI]._thread
    for number in range(2, MAX_LISTS + 2):
        with pytest.raises(errors.StatusUnavailable):
            documents.status_list(f"{ISSUER}/status-lists/{number}")
    thread.join(10)
    assert not thread.is_alive()


def test_after_close_no_list_is_met(documents, server):
    documents.close()
    with pytest.raises(errors.StatusUnavailable):
        documents.status_list(URI)
    documents.wait_first(URI, 0.01)
    assert server.requests == []


# --- what is believed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"sub": f"{ISSUER}/status-lists/2"},
        {"iss": "https://stranger.example"},
        {"iat": NOW + 31},
        {"exp": NOW - 30},
        {"header": {"typ": "at+jwt"}},
        {"header": {"kid": "key-2"}},
    ],
    ids=str,
)
def test_what_is_not_the_issuers_list_is_no_list(documents, publish, mint, change):
    publish(LIST, mint.list_token(URI, **change))
    with pytest.raises(errors.StatusUnavailable):
        listed(documents)


def test_a_list_signed_by_another_is_no_list(documents, publish, stranger):
    publish(LIST, stranger.list_token(URI))
    with pytest.raises(errors.StatusUnavailable):
        listed(documents)


def test_a_list_with_a_newer_key_is_believed_when_that_key_is_published(documents, publish, mint, stranger):
    _ready(documents)
    publish(JWKS, mint.jwks(stranger.jwk(kid="key-2")))
    publish(LIST, stranger.list_token(URI, header={"kid": "key-2"}))
    assert listed(documents)


def test_an_older_list_than_the_one_at_hand_is_not_believed(documents, publish, mint):
    assert listed(documents)
    follower = documents._lists[URI]
    publish(LIST, mint.list_token(URI, b"\xff\xff", iat=NOW - 31))
    follower.poll()
    assert follower.last_error == "ValueError: older than the current list"
    publish(LIST, mint.list_token(URI, b"\xff\xff", iat=NOW - 30))
    follower.poll()
    assert follower.last_error is None
    assert documents.status_list(URI).get(0) == 1


def test_the_same_list_signed_earlier_by_another_replica_is_believed(documents, publish, mint):
    assert listed(documents)
    follower = documents._lists[URI]
    publish(LIST, mint.list_token(URI, iat=NOW - 3600))
    follower.poll()
    assert follower.last_error is None


def test_the_largest_list_there_is_can_be_fetched(documents, publish, mint):
    publish(LIST, mint.list_token(URI, os.urandom(131_072)))
    assert len(listed(documents)) == 2**20


# --- freshness ------------------------------------------------------------------------------------------------


def test_what_was_just_fetched_is_confirmed(documents, claims):
    listed(documents)
    assert documents.confirmed(claims())
    assert documents.confirmed(claims(URI))


def test_what_was_never_had_is_not_confirmed(documents, claims):
    _ready(documents)
    assert documents.confirmed(claims())
    assert not documents.confirmed(claims(URI))


@pytest.mark.parametrize(("age", "confirmed"), [(30, True), (30.1, False)])
def test_after_30_seconds_a_confirmation_is_old(documents, claims, monotonic, age, confirmed, settled):
    settled(documents)
    monotonic.advance(age)
    assert documents.confirmed(claims(URI)) is confirmed


def test_the_bound_is_a_setting(make, claims, monotonic, settled):
    documents = make(fresh_within=5)
    settled(documents)
    monotonic.advance(5.1)
    assert not documents.confirmed(claims(URI))


def test_of_a_server_that_is_only_polled_a_confirmation_is_fetched_when_needed(
    documents, claims, monotonic, settled
):
    settled(documents)
    for _ in range(5):
        monotonic.advance(31)
        documents.confirm(claims(URI), 10)
        assert documents.confirmed(claims(URI))


def test_a_confirmation_that_is_young_enough_asks_nothing(documents, claims, server, eventually):
    listed(documents)
    eventually(lambda: server.asked[JWKS] == server.asked[LIST] == 2)
    documents.confirm(claims(URI), 10)
    assert server.asked[JWKS] == server.asked[LIST] == 2


def test_requests_at_the_same_time_share_a_fetch_and_none_is_refused(
    documents, claims, publish, mint, monotonic, server, eventually, settled
):
    settled(documents)
    monotonic.advance(31)
    going = threading.Event()
    publish(LIST, mint.list_token(URI), before=lambda: going.wait(10))
    done = []

    def ask():
        documents.confirm(claims(URI), 10)
        done.append(True)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    going.set()
    for thread in threads:
        thread.join(10)
    assert len(done) == 20
    assert server.asked[LIST] == 3


def test_without_the_issuer_what_is_asked_afresh_is_unconfirmed(
    documents, claims, publish, monotonic, settled
):
    settled(documents)
    monotonic.advance(31)
    publish(LIST, b"", status=500)
    with pytest.raises(errors.Unconfirmed) as caught:
        documents.confirm(claims(URI), 10)
    assert caught.value.retry_after == 5
    documents.confirm(claims(), 10)  # what has no status needs no list


def test_nobody_waits_longer_than_asked_for_a_confirmation(
    documents, claims, publish, mint, monotonic, settled
):
    settled(documents)
    monotonic.advance(31)
    going = threading.Event()
    publish(LIST, mint.list_token(URI), before=lambda: going.wait(10))
    with pytest.raises(errors.Unconfirmed):
        documents.confirm(claims(URI), 0.01)
    going.set()


def test_a_confirmation_may_bring_a_revocation(documents, claims, publish, mint, monotonic, settled):
    settled(documents)
    monotonic.advance(31)
    publish(LIST, mint.list_token(URI, b"\x01\x00"))
    documents.confirm(claims(URI), 10)
    assert documents.status_list(URI).get(0) == 1


def test_while_there_is_trouble_few_wait_for_a_confirmation(
    documents, claims, publish, mint, monotonic, eventually, settled
):
    settled(documents)
    follower = documents._lists[URI]
    publish(LIST, b"", status=500)
    follower.poll()
    monotonic.advance(31)
    going = threading.Event()
    publish(LIST, mint.list_token(URI), before=lambda: going.wait(10))
    outcomes = []

    def ask():
        try:
            documents.confirm(claims(URI), 10)
            outcomes.append("confirmed")
        except errors.Unconfirmed:
            outcomes.append("refused")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(outcomes) == 6)
    going.set()
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == ["confirmed"] * 2 + ["refused"] * 6


# --- outages --------------------------------------------------------------------------------------------------


@pytest.fixture
def outage(documents, publish, monotonic, clock):
    """Let the issuer be gone for so many seconds of made-up time."""

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


def test_through_an_hours_outage_the_last_good_documents_serve(documents, outage, settled):
    held = settled(documents)
    outage(3600)
    assert documents.status_list(URI) is held
    assert documents.keys()
    assert documents.ready()


def test_after_half_a_day_they_are_forgotten(documents, outage, settled):
    settled(documents)
    outage(43_201)
    with pytest.raises(errors.StatusUnavailable):
        documents.status_list(URI)
    with pytest.raises(errors.Unavailable):
        documents.keys()
    assert not documents.ready()


def test_that_bound_is_a_setting(make, outage, settled):
    documents = make(stale_within=100)
    settled(documents)
    outage(101, documents)
    assert not documents.ready()


def test_after_the_outage_all_is_as_before(documents, outage, publish, mint, claims, settled):
    settled(documents)
    outage(43_201)
    publish(JWKS, mint.jwks())
    publish(LIST, mint.list_token(URI, b"\x01\x00", iat=NOW + 43_200, exp=NOW + 90_000))
    for follower in (documents._keys, documents._lists[URI]):
        follower.poll()
    assert documents.status_list(URI).get(0) == 1
    assert documents.confirmed(claims(URI))


def test_an_outage_is_an_error_in_the_log_once_for_each_document(documents, outage, caplog, settled):
    settled(documents)
    for _ in range(5):
        outage(61)
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == ["ERROR"] * 2


def test_a_process_that_starts_during_an_outage_begins_with_its_snapshots(make, outage, tmp_path, settled):
    before = make(snapshots=tmp_path)
    held = settled(before)
    outage(3600, before)
    before.close()
    after = make(snapshots=tmp_path)
    assert _ready(after) == before.keys()
    assert listed(after) == held
    assert after.stats()[0].age is None


def test_what_comes_from_a_snapshot_is_not_confirmed(make, outage, tmp_path, claims, settled):
    before = make(snapshots=tmp_path)
    settled(before)
    outage(1, before)
    before.close()
    after = make(snapshots=tmp_path)
    listed(after)
    assert not after.confirmed(claims(URI))
    with pytest.raises(errors.Unconfirmed):
        after.confirm(claims(URI), 0.1)


def test_a_process_that_starts_with_the_issuer_there_waits_for_its_word(make, publish, mint, tmp_path):
    before = make(snapshots=tmp_path)
    listed(before)
    before.close()
    publish(LIST, mint.list_token(URI, b"\x01\x00"))
    assert listed(make(snapshots=tmp_path)).get(0) == 1


def test_a_snapshot_that_was_tampered_with_is_of_no_use(make, outage, tmp_path, stranger, settled):
    before = make(snapshots=tmp_path)
    settled(before)
    outage(1, before)
    before.close()
    (file,) = tmp_path.glob("*-status-lists-1")
    file.write_bytes(stranger.list_token(URI))
    os.utime(file, (NOW, NOW))
    with pytest.raises(errors.StatusUnavailable):
        listed(make(snapshots=tmp_path))


def test_two_issuers_share_a_folder_and_no_snapshot(server, publish, tmp_path, clock):
    for url in (ISSUER, "https://other.example"):
        documents = IssuerDocuments(url, backchannel=server.url, snapshots=tmp_path, now=clock)
        _ready(documents)
        documents.close()
    assert len(list(tmp_path.iterdir())) == 2


# --- what is told ---------------------------------------------------------------------------------------------


def test_the_figures_tell_of_each_document(documents, monotonic, eventually, server, settled):
    settled(documents)
    eventually(lambda: documents.stats()[1].fetches == 2)
    monotonic.advance(7)
    jwks, first = documents.stats()
    assert (jwks.name, first.name) == ("jwks", "status-lists/1")
    assert (first.age, first.version, first.last_error) == (7, 1, None)
    assert (first.fetches, first.unchanged, first.failures, first.waits) == (2, 1, 0, 0)


def test_failures_are_counted_too(documents, publish):
    publish(JWKS, b"", status=500)
    documents.wait_first(None, 10)
    told = documents.stats()[0]
    assert told.failures >= 1
    assert told.fetches == told.failures
    assert told.last_error == "BadResponseError: answered 500"
    assert told.age is None


def test_health_is_about_the_keys(documents):
    assert documents.health() == {"keys": 0, "age": None, "last_error": None}
    _ready(documents)
    assert documents.health() == {"keys": 1, "age": 0, "last_error": None}


# --- forks ----------------------------------------------------------------------------------------------------


def test_after_a_fork_what_is_known_stays(documents):
    keys, held = _ready(documents), listed(documents)
    module._after_fork()
    assert documents.keys() is keys
    assert documents.status_list(URI) is held


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_child_follows_keys_and_lists_by_itself(documents, server, publish, mint):
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
    assert server.asked["/status-lists/2"] >= 1
