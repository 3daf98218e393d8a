"""Status lists in memory: their bits, their claims, and when they are signed again."""

import base64
import json
import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from auth_service.domain.errors import NoSigningKey
from auth_service.domain.sessions.errors import StatusListsStale, UnknownStatusList
from auth_service.domain.sessions.status_bits import Bit, Changes, ReadPosition
from auth_service.domain.sessions.status_list import Bitmap, check_size
from auth_service.signing.status_list_tokens import (
    LIFE_SECONDS,
    MAX_ETAGS,
    MISSED_AFTER_SECONDS,
    RENEWAL_SECONDS,
    STALE_AFTER_SECONDS,
    StatusLists,
    compressed,
)
from testkit.clock import FakeClock

ISSUER = "http://localhost:8080"
# The one-bit vector of the draft's appendix: these indices are set.
VECTOR = (
    "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAA"
    "AJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb"
)
SET = [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345]


class OpenSigner:
    """Makes unsigned JWTs under a key id that a test may change, and records their claims."""

    def __init__(self):
        self.kid, self.signed = "one", []

    def current(self):
        if self.kid is None:
            raise NoSigningKey("none", retry_after=5)
        return self.kid

    def sign(self, claims, *, typ):
        self.signed.append(claims)
        return f"{part({'alg': 'RS256', 'typ': typ, 'kid': self.current()})}.{part(claims)}."


def part(members):
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


def claims_of(token):
    payload = token.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + b"=="))


def bits_of(token):
    packed = zlib.decompress(base64.urlsafe_b64decode(claims_of(token)["status_list"]["lst"] + "=="))
    return [index for index in range(len(packed) * 8) if packed[index >> 3] >> (index & 7) & 1]


class Database:
    """Returns the bits that a test has put, all of them or those since a read position."""

    def __init__(self):
        self.lists, self.changed, self.reads, self.fault = {1: 64}, [], [], None

    def __call__(self, since):
        if self.fault:
            raise self.fault
        self.reads.append(since)
        bits = self.changed if since is None else self.changed[since.number :]
        return Changes(bits, dict(self.lists), ReadPosition(len(self.changed), 0.0), since is None)

    def put(self, index, *, number=1, revoked=True):
        self.changed.append(Bit(number, index, revoked))


@pytest.fixture
def database():
    return Database()


@pytest.fixture
def signer():
    return OpenSigner()


@pytest.fixture
def ticks():
    return FakeClock(1000)


@pytest.fixture
def make_lists(database, signer, clock, ticks):
    return lambda: StatusLists(ISSUER, database, signer, ttl=20, now=clock, ticks=ticks)


@pytest.fixture
def lists(make_lists):
    return make_lists()


def test_bits_match_published_vector():
    bitmap = Bitmap(2**20)
    for index in SET:
        bitmap.put(index, True)

    assert bytes(bitmap) == zlib.decompress(base64.urlsafe_b64decode(VECTOR + "=="))


def test_bits_can_be_cleared():
    bitmap = Bitmap(64)
    for index in (3, 4, 63):
        bitmap.put(index, True)
    bitmap.put(4, False)
    assert bytes(bitmap) == bytes([8, 0, 0, 0, 0, 0, 0, 128])

    bitmap.clear()

    assert bytes(bitmap) == bytes(8)


@pytest.mark.parametrize("index", [-1, 64, 2**40])
def test_bit_outside_list_is_refused(index):
    with pytest.raises(IndexError):
        Bitmap(64).put(index, True)


@pytest.mark.parametrize("size", [0, 8, 56, 65, 2**20 + 8, -64])
def test_invalid_list_size_is_refused(size):
    assert check_size(64) == 64
    with pytest.raises(ValueError, match="multiple of 8"):
        check_size(size)


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.05, 1])
def test_compressed_list_is_one_zlib_stream(share):
    chance, bitmap = random.Random(7), Bitmap(2**16)
    for index in chance.sample(range(2**16), int(share * 2**16)):
        bitmap.put(index, True)
    packed = compressed(bytes(bitmap))
    reader = zlib.decompressobj()

    assert reader.decompress(packed) == bytes(bitmap)
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert len(packed) <= 1.1 * len(zlib.compress(bytes(bitmap), 9)) + 32


def test_list_token_has_claims_of_draft(lists, clock):
    token, _ = lists.document(1)

    claims = claims_of(token)
    packed = claims["status_list"].pop("lst")
    assert zlib.decompress(base64.urlsafe_b64decode(packed + "==")) == bytes(8)
    assert claims == {
        "iss": ISSUER,
        "sub": f"{ISSUER}/status-lists/1",
        "iat": int(clock()),
        "exp": int(clock()) + LIFE_SECONDS,
        "ttl": 20,
        "status_list": {"bits": 1},
    }


def test_change_shows_after_refresh(lists, database):
    assert bits_of(lists.document(1)[0]) == []
    database.put(5)
    database.put(63)
    assert bits_of(lists.document(1)[0]) == []

    lists.refresh()
    assert bits_of(lists.document(1)[0]) == [5, 63]
    database.put(5, revoked=False)
    lists.refresh()

    assert bits_of(lists.document(1)[0]) == [63]
    assert [since.number if since else None for since in database.reads] == [None, 0, 2]


def test_bit_read_twice_changes_nothing(lists, database):
    database.put(5)
    lists.refresh()
    before = lists.etag(1)
    database.put(5)

    lists.refresh()

    assert (lists.etag(1), lists.all()[0].version) == (before, 1)


def test_complete_read_replaces_known_bits(lists, database):
    database.put(5)
    lists.refresh()
    database.changed.clear()
    lists._position = None

    lists.refresh()

    assert bits_of(lists.document(1)[0]) == []


def test_list_is_signed_once_for_all_requests(lists, signer):
    barrier = Barrier(8)

    def ask(_):
        barrier.wait(20)
        return lists.document(1)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))

    assert (len(answers), len(signer.signed)) == (1, 1)


def test_unrequested_changes_are_not_signed(lists, database, signer):
    for index in range(20):
        database.put(index)
        lists.refresh()

    assert signer.signed == []


def test_two_processes_agree_on_etag(lists, make_lists, database, clock):
    lists.refresh()
    for index in (1, 2, 3):
        database.put(index)
        lists.refresh()
    other = make_lists()
    clock.advance(1)

    assert lists.document(1)[1] == lists.etag(1) == other.etag(1) == other.document(1)[1]


def test_new_key_signs_list_again(lists, signer):
    first = lists.document(1)
    version = lists.version()
    signer.kid = "two"

    second = lists.document(1)

    assert second[1] != first[1]
    assert lists.version() != version
    assert json.loads(base64.urlsafe_b64decode(second[0].split(b".")[0] + b"=="))["kid"] == "two"


def test_key_change_while_signing_fits_etag(lists, signer):
    expected = signer.sign

    def sign(claims, *, typ):
        signer.kid = "two"
        return expected(claims, typ=typ)

    signer.sign = sign

    assert lists.document(1)[1] == lists.etag(1)


def test_list_is_signed_again_before_expiry(lists, clock):
    token, etag = lists.document(1)
    clock.advance(RENEWAL_SECONDS)

    fresh, other = lists.document(1)

    assert other != etag
    assert claims_of(fresh)["exp"] - claims_of(token)["exp"] == RENEWAL_SECONDS
    assert claims_of(token)["exp"] - clock() > 0


def test_without_key_nothing_is_published(lists, signer):
    lists.refresh()
    signer.kid = None

    assert lists.version() == ()
    with pytest.raises(NoSigningKey):
        lists.document(1)


@pytest.mark.parametrize("number", [0, 2, 17, 18, 10**9, -1])
def test_missing_list_is_unknown(lists, number):
    with pytest.raises(UnknownStatusList):
        lists.document(number)


def test_list_of_other_process_is_found(lists, database):
    lists.refresh()
    database.lists[2] = 64

    assert bits_of(lists.document(2)[0]) == []
    assert lists.numbers() == [1, 2]


def test_distant_list_number_is_not_read(lists, database):
    lists.refresh()

    with pytest.raises(UnknownStatusList):
        lists.get(1000)

    assert len(database.reads) == 1


def test_stale_lists_are_not_served(lists, database, ticks):
    lists.refresh()
    database.fault = OSError("away")
    with pytest.raises(OSError, match="away"):
        lists.refresh()
    ticks.advance(STALE_AFTER_SECONDS)
    assert lists.document(1)
    ticks.advance(1)

    for ask in (lambda: lists.document(1), lambda: lists.document(2), lists.numbers):
        with pytest.raises(StatusListsStale) as refused:
            ask()
        assert refused.value.retry_after > 0
    database.fault = None
    lists.refresh()
    assert lists.document(1)


def test_failed_first_read_is_repeated(lists, database):
    database.fault = OSError("away")
    with pytest.raises(OSError, match="away"):
        lists.document(1)
    database.fault = None

    assert lists.document(1)


def test_waiting_request_shares_read(make_lists, database, ticks):
    looking, go_on = Event(), Event()
    reads = []

    def slow(since):
        reads.append(since)
        looking.set()
        assert go_on.wait(20)
        return database(since)

    lists = make_lists()
    lists._changes = slow
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lists.get, 1)
        assert looking.wait(20)
        second = pool.submit(lists.get, 1)
        ticks.advance(1)
        go_on.set()
        assert first.result(20) == second.result(20)

    assert len(reads) <= 2


def test_unknown_etag_causes_read(lists, make_lists, database):
    other = make_lists()
    for each in (lists, other):
        each.refresh()
        each.version()
    database.put(5)
    other.refresh()

    lists.catch_up(1, {other.etag(1)})

    assert lists.etag(1) == other.etag(1)


def test_older_etag_causes_no_read(lists, database):
    lists.refresh()
    lists.version()
    old = lists.etag(1)
    database.put(5)
    lists.refresh()
    lists.version()
    looks = len(database.reads)

    lists.catch_up(1, {old})

    assert len(database.reads) == looks


def test_old_etags_are_forgotten(lists, database):
    for index in range(64):
        lists.refresh()
        lists.version()
        database.put(index)

    assert len(lists._etags[1]) == MAX_ETAGS == 64
    for _ in range(3):
        database.put(0, revoked=bool(len(database.changed) % 2))
        lists.refresh()
        lists.version()
    assert len(lists._etags[1]) == MAX_ETAGS


def test_stale_process_serves_nothing_outdated(lists, ticks):
    lists.refresh()
    ticks.advance(MISSED_AFTER_SECONDS + 1)

    assert lists.document(1)
    with pytest.raises(StatusListsStale):
        lists.catch_up(1, {"of another process"})
