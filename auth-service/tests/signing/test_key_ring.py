"""The folder of signing keys, and the key ring that signs with them."""

import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import jwt
import pytest
from auth_service.domain.errors import NoSigningKey, UnknownSigningKey
from auth_service.domain.signing_keys import KeyTimes
from auth_service.make_keys import main
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.key_storage import KeyStorageUnavailable
from auth_service.signing.pem_folder import KeyFolder
from structlog.testing import capture_logs


def kids(key_ring):
    return [key["kid"] for key in json.loads(key_ring.document()[0])["keys"]]


def states(key_ring):
    return [str(each.state) for each in key_ring.statuses()]


def signer(key_ring):
    return jwt.get_unverified_header(key_ring.sign({"a": 1}, typ="at+jwt"))["kid"]


def test_token_verifies_with_published_key(key_ring):
    token = key_ring.sign({"sub": "alice"}, typ="at+jwt")

    published = jwt.PyJWKSet.from_json(key_ring.document()[0].decode())
    assert jwt.get_unverified_header(token) == {
        "alg": "RS256",
        "typ": "at+jwt",
        "kid": published.keys[0].key_id,
    }
    assert jwt.decode(token, published.keys[0].key, algorithms=["RS256"]) == {"sub": "alice"}


def test_jwks_has_public_members_only(key_ring):
    (key,) = json.loads(key_ring.document()[0])["keys"]

    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    assert (key["kty"], key["e"], key["use"], key["alg"]) == ("RSA", "AQAB", "sig", "RS256")


def test_new_key_is_published_then_signs(key_ring, clock, ticks):
    first = signer(key_ring)
    second = key_ring.rotate()

    assert kids(key_ring) == [second, first]
    assert signer(key_ring) == first
    clock.advance(120)
    assert (signer(key_ring), states(key_ring)) == (second, ["retired", "current"])
    clock.advance(390)
    assert (kids(key_ring), states(key_ring)) == ([second], ["expired", "current"])
    assert key_ring.prune() == [first]
    assert states(key_ring) == ["current"]
    assert key_ring.prune() == []


def test_etag_changes_with_keys_alone(key_ring):
    before = key_ring.document()

    assert key_ring.document() == before
    key_ring.rotate()
    assert key_ring.document()[1] != before[1]


def test_other_process_sees_change_in_250_ms(make_key_ring, ticks):
    mine, others = make_key_ring(), make_key_ring()
    kid = others.rotate()

    assert kid not in kids(mine)
    ticks.advance(0.25)
    assert kid in kids(mine)


def test_processes_sign_with_same_key(make_key_ring, clock, ticks):
    mine, others = make_key_ring(), make_key_ring()
    mine.rotate()
    for _ in range(5):
        clock.advance(40)
        ticks.advance(1)
        assert signer(mine) == signer(others)


def test_withdrawn_key_is_gone_other_signs(key_ring):
    first, second = signer(key_ring), key_ring.rotate()

    assert key_ring.withdraw(first) is None
    assert (kids(key_ring), signer(key_ring)) == ([second], second)


def test_last_key_withdrawn_is_replaced(key_ring):
    first = signer(key_ring)

    made = key_ring.withdraw(first)

    assert made not in (None, first)
    assert (kids(key_ring), signer(key_ring)) == ([made], made)


def test_withdrawal_revives_no_expired_key(key_ring, clock):
    first, second = signer(key_ring), key_ring.rotate()
    clock.advance(1000)
    assert states(key_ring) == ["expired", "current"]

    made = key_ring.withdraw(second)

    assert kids(key_ring) == [made]
    assert first not in [each.kid for each in key_ring.statuses()]


def test_expired_key_withdrawn_keeps_current(key_ring, clock):
    first, second = signer(key_ring), key_ring.rotate()
    clock.advance(1000)

    assert key_ring.withdraw(first) is None
    assert signer(key_ring) == second


def test_unknown_key_cannot_be_withdrawn(key_ring):
    with pytest.raises(UnknownSigningKey):
        key_ring.withdraw("no such key")


def test_first_key_is_made_if_none(tmp_path, clock):
    key_ring = KeyRing(
        KeyFolder(tmp_path / "new" / "signing"), KeyTimes.of(jwks_max_age=60, access_ttl=300), clock
    )

    (file,) = (tmp_path / "new" / "signing").glob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.name == f"{int(clock())}-{signer(key_ring)}.pem"
    assert key_ring.fault() is None


def test_without_keys_nothing_is_signed(key_ring, folder, ticks):
    for file in folder.path.glob("*.pem"):
        file.unlink()
    ticks.advance(1)

    with pytest.raises(NoSigningKey):
        key_ring.sign({}, typ="at+jwt")
    assert key_ring.fault() is not None
    assert kids(key_ring) == []


def test_make_keys_names_bad_file(keys_dir, bad_file, capsys):
    path = bad_file()

    assert main(["--keys-dir", str(keys_dir)]) == 1
    assert path.name[:20] in capsys.readouterr().err


class SlowFolder(KeyFolder):
    """A key storage that counts reads, and delays or fails them as a test demands."""

    def __init__(self, path):
        super().__init__(path)
        self.reads, self.away = 0, False
        self.reading, self.go_on = Event(), Event()
        self.go_on.set()

    def keys(self):
        self.reads += 1
        self.reading.set()
        assert self.go_on.wait(20)
        if self.away:
            raise KeyStorageUnavailable("away")
        return super().keys()


@pytest.fixture
def slow(folder):
    return SlowFolder(folder.path)


def test_waiting_refreshes_share_next_read(slow, clock):
    key_ring = KeyRing(slow, KeyTimes.of(jwks_max_age=60, access_ttl=300), clock)
    slow.reads = 0
    slow.reading.clear()
    slow.go_on.clear()
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(key_ring.refresh)
        assert slow.reading.wait(20)
        others = [pool.submit(key_ring.refresh) for _ in range(8)]
        time.sleep(0.2)  # let them queue; fewer in time would only ease this test
        slow.go_on.set()
        for each in (first, *others):
            each.result(20)

    assert slow.reads <= 2


def test_key_storage_outage_is_logged_once(slow, clock):
    key_ring = KeyRing(slow, KeyTimes.of(jwks_max_age=60, access_ttl=300), clock)
    before, slow.away = key_ring.document(), True

    with capture_logs() as log:
        for _ in range(10):
            key_ring.refresh()

    assert [entry["event"] for entry in log] == ["the signing keys cannot be read"]
    assert key_ring.document() == before
