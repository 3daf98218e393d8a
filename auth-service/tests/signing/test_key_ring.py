"""The folder of signing keys, and the key ring that signs with them."""

import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import jwt
import pytest
from auth_service.domain.errors import NoSigningKey, UnknownKey
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.sessions.status_bits import Bit, Changes, ReadPosition
from auth_service.domain.signing_keys import KeyTimes
from auth_service.make_keys import main
from auth_service.signing import pem
from auth_service.signing.client_assertions import ClientKeys, JwtAssertions
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.key_storage import KeyStorageUnavailable
from auth_service.signing.pem_folder import KeyFolder
from auth_service.signing.status_list_tokens import StatusLists
from auth_service.signing.token_verification import LocalKeys, LocalStatuses, OwnBearers, OwnTokens
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers
from structlog.testing import capture_logs
from testkit.clock import FakeClock
from testkit.keys import make_rsa, thumbprint
from touchstone import StatusUnavailable, Unconfirmed

TIMES = KeyTimes.of(jwks_max_age=60, access_ttl=300)


@pytest.fixture
def folder(keys_dir):
    return KeyFolder(keys_dir / "signing")


@pytest.fixture
def ticks():
    return FakeClock(0)


@pytest.fixture
def make_key_ring(folder, clock, ticks):
    return lambda: KeyRing(KeyFolder(folder.path), TIMES, clock, ticks)


@pytest.fixture
def key_ring(make_key_ring):
    return make_key_ring()


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
    with pytest.raises(UnknownKey):
        key_ring.withdraw("no such key")


def test_first_key_is_made_if_none(tmp_path, clock):
    key_ring = KeyRing(KeyFolder(tmp_path / "new" / "signing"), TIMES, clock)

    (file,) = (tmp_path / "new" / "signing").glob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.name == f"{int(clock())}-{signer(key_ring)}.pem"
    assert key_ring.fault() is None


def test_other_files_are_ignored_and_named_once(key_ring, folder, ticks, capsys):
    before = kids(key_ring)
    (folder.path / "notes.txt").write_text("hello")
    (folder.path / f"1800000000-{'A' * 43}.pem.bak").write_text("junk")
    ticks.advance(1)
    for _ in range(3):
        assert kids(key_ring) == before
        ticks.advance(1)

    assert capsys.readouterr().out.count("notes.txt") == 1


def bad_files():
    good = pem.private_pem(make_rsa())
    kid = thumbprint(make_rsa().public_key())
    return {
        "readable by others": (good, kid, 0o640),
        "not a key": (b"junk", kid, 0o600),
        "a public key": (pem.public_pem(make_rsa().public_key()), kid, 0o600),
        "under another name": (good, "A" * 43, 0o600),
        "too small": (pem.private_pem(make_rsa(1024)), thumbprint(make_rsa(1024).public_key()), 0o600),
    }


@pytest.fixture(params=["readable by others", "not a key", "a public key", "under another name", "too small"])
def bad_file(request, folder):
    content, kid, mode = bad_files()[request.param]
    path = folder.path / f"1700000000-{kid}.pem"

    def place():
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return place


def test_bad_key_file_stops_start_by_name(bad_file, make_key_ring):
    path = bad_file()

    with pytest.raises(pem.KeyFault, match=path.name[:20]):
        make_key_ring()


def test_bad_key_file_after_start_is_left_out(key_ring, bad_file, ticks):
    before = kids(key_ring)
    bad_file()
    ticks.advance(1)

    assert kids(key_ring) == before


def test_folder_writable_by_others_stops_start(folder, make_key_ring):
    folder.path.chmod(0o770)

    with pytest.raises(pem.KeyFault):
        make_key_ring()


def test_without_keys_nothing_is_signed(key_ring, folder, ticks):
    for file in folder.path.glob("*.pem"):
        file.unlink()
    ticks.advance(1)

    with pytest.raises(NoSigningKey):
        key_ring.sign({}, typ="at+jwt")
    assert key_ring.fault() is not None
    assert kids(key_ring) == []


def test_unreadable_folder_keeps_known_keys(key_ring, folder, ticks):
    before = kids(key_ring)
    folder.path.rename(folder.path.with_name("elsewhere"))
    ticks.advance(1)

    assert kids(key_ring) == before
    assert key_ring.sign({}, typ="at+jwt")


def test_failed_write_leaves_no_key_file(tmp_path):
    with pytest.raises(TypeError):
        pem.write(tmp_path / "a.pem", "not bytes", 0o600)

    assert list(tmp_path.iterdir()) == []


def test_make_keys_twice_changes_nothing(tmp_path, capsys):
    assert main(["--keys-dir", str(tmp_path)]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.pem")}
    assert main(["--keys-dir", str(tmp_path)]) == 0

    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pem")} == before
    assert len(before) == 7
    assert "all keys are there" in capsys.readouterr().out
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "clients").iterdir()}
    assert modes == {
        "orders-service.pem": 0o600,
        "orders-service.pub.pem": 0o644,
        "introspector.pem": 0o600,
        "introspector.pub.pem": 0o644,
        "signals-receiver.pem": 0o600,
        "signals-receiver.pub.pem": 0o644,
    }


def test_lost_public_half_is_made_again(keys_dir):
    public = keys_dir / "clients" / "introspector.pub.pem"
    before = public.read_bytes()
    public.unlink()

    assert main(["--keys-dir", str(keys_dir), "--client", "introspector"]) == 0
    assert public.read_bytes() == before


def test_new_private_key_replaces_public_half(keys_dir):
    public, private = (keys_dir / "clients" / f"introspector{end}" for end in (".pub.pem", ".pem"))
    private.unlink()
    before = public.read_bytes()

    assert main(["--keys-dir", str(keys_dir)]) == 0
    assert public.read_bytes() not in (b"", before)
    assert pem.read_private(private).public_key() == pem.read_public(public)


def test_make_keys_names_bad_file(keys_dir, bad_file, capsys):
    path = bad_file()

    assert main(["--keys-dir", str(keys_dir)]) == 1
    assert path.name[:20] in capsys.readouterr().err


def test_make_keys_for_public_client_fails(keys_dir):
    with pytest.raises(SystemExit):
        main(["--keys-dir", str(keys_dir), "--client", "cli"])


@pytest.fixture
def assertions(keys_dir):
    return JwtAssertions(ClientKeys(keys_dir / "clients"))


def signed(key, alg="RS256", **claims):
    return jwt.encode({"iss": "orders-service", "exp": 1, **claims}, key, alg)


@pytest.fixture
def orders_key(keys_dir):
    return (keys_dir / "clients" / "orders-service.pem").read_text()


def test_assertion_by_client_key_is_accepted(assertions, orders_key):
    assertion = signed(orders_key, jti="one")

    assert assertions.issuer(assertion) == "orders-service"
    assert assertions.verified(assertion, "orders-service")["jti"] == "one"


def unsigned():
    return jwt.encode({"iss": "orders-service"}, None, "none")


FORGED = {
    "another key": lambda key: signed(make_rsa()),
    "no signature": lambda key: unsigned(),
    "HS256": lambda key: signed("x" * 32, "HS256"),
    "RS512": lambda key: signed(key, "RS512"),
    "PS256": lambda key: signed(key, "PS256"),
    "not a token": lambda key: "x.y.z",
    "empty": lambda key: "",
    "cut short": lambda key: signed(key)[:-5],
    "beyond ASCII": lambda key: signed(key) + "é",
}


@pytest.mark.parametrize("kind", FORGED)
def test_forged_assertion_is_refused(assertions, orders_key, kind):
    with pytest.raises(InvalidClient):
        assertions.verified(FORGED[kind](orders_key), "orders-service")


@pytest.mark.parametrize(
    "assertion", ["", "x", "a.b.c", "é", "x" * 8193, jwt.encode({"sub": "x"}, "k" * 32, "HS256")]
)
def test_malformed_assertion_has_no_issuer(assertions, assertion):
    with pytest.raises(InvalidClient):
        assertions.issuer(assertion)


def test_client_without_key_is_refused(assertions, orders_key, keys_dir):
    (keys_dir / "clients" / "orders-service.pub.pem").unlink()

    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


@pytest.mark.parametrize(
    "content", [b"junk", pem.private_pem(make_rsa()), pem.public_pem(make_rsa(1024).public_key())]
)
def test_client_with_bad_key_is_refused(assertions, orders_key, keys_dir, content):
    (keys_dir / "clients" / "orders-service.pub.pem").write_bytes(content)

    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


def test_new_client_key_counts_at_once(assertions, orders_key, keys_dir):
    assert assertions.verified(signed(orders_key), "orders-service")
    new = make_rsa(which=7)
    pem.write(keys_dir / "clients" / "orders-service.pub.pem", pem.public_pem(new.public_key()), 0o644)

    assert assertions.verified(signed(new), "orders-service")
    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


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
    key_ring = KeyRing(slow, TIMES, clock)
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
    key_ring = KeyRing(slow, TIMES, clock)
    before, slow.away = key_ring.document(), True

    with capture_logs() as log:
        for _ in range(10):
            key_ring.refresh()

    assert [entry["event"] for entry in log] == ["the signing keys cannot be read"]
    assert key_ring.document() == before


@pytest.fixture
def revoked():
    """The indices of list 1 whose bits are set."""
    return set()


@pytest.fixture
def lists(key_ring, clock, revoked, ticks):
    def changes(since):
        return Changes(
            [Bit(1, index, True) for index in revoked], {1: 64}, ReadPosition(1, clock()), complete=True
        )

    return StatusLists("http://localhost:8080", changes, key_ring, ttl=20, now=clock, ticks=ticks)


@pytest.fixture
def own(key_ring, clock, lists):
    audiences = frozenset({"orders-service", "users-service"})
    return OwnTokens("http://localhost:8080", LocalKeys(key_ring), LocalStatuses(lists), audiences, clock)


def access(key_ring, clock, **changes):
    claims = {
        "iss": "http://localhost:8080",
        "sub": "alice",
        "aud": ["orders-service"],
        "exp": int(clock()) + 60,
        "iat": int(clock()),
        "jti": "one",
        "client_id": "cli",
        "act": {"sub": "a", "act": {"sub": "b"}},
    }
    return key_ring.sign(claims | changes, typ="at+jwt")


def test_own_token_is_read_for_its_audience(key_ring, own, clock):
    token = access(key_ring, clock)

    assert own.read(token, "orders-service").actors == ("a", "b")
    assert own.read(token, "users-service") is None
    assert own.read_any(token) == own.read(token, "orders-service")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "e30.W10.e30", "e30.bnVsbA.e30", "x" * 9000])
def test_malformed_token_is_none(own, token):
    assert own.read(token, "orders-service") is None
    assert own.read_any(token) is None


@pytest.mark.parametrize("audience", ["elsewhere", [], [1], None, {"a": 1}])
def test_token_for_other_audience_is_none(key_ring, own, clock, audience):
    assert own.read_any(access(key_ring, clock, aud=audience)) is None


def test_token_of_withdrawn_key_is_none(key_ring, own, clock):
    token = access(key_ring, clock)
    assert own.read(token, "orders-service")

    key_ring.withdraw(signer(key_ring))

    assert own.read(token, "orders-service") is None


def status(index, uri="http://localhost:8080/status-lists/1"):
    return {"status_list": {"idx": index, "uri": uri}}


def test_token_with_set_bit_is_none(key_ring, own, clock, lists, revoked):
    token, other = (access(key_ring, clock, status=status(index)) for index in (5, 6))
    assert own.read(token, "orders-service")
    revoked.add(5)

    lists.refresh()

    assert own.read(token, "orders-service") is None
    assert own.read(other, "orders-service")


@pytest.mark.parametrize(
    "where",
    [
        status(64),
        status(1, "http://localhost:8080/status-lists/2"),
        status(1, "http://localhost:8080/status-lists/01"),
        status(1, "http://localhost:8080/status-lists/"),
        status(1, "http://elsewhere/status-lists/1"),
    ],
)
def test_token_with_unknown_bit_is_none(key_ring, own, clock, where):
    assert own.read(access(key_ring, clock, status=where), "orders-service") is None


@pytest.fixture
def bearers(own, lists):
    return OwnBearers(own.verifier("orders-service"), lists, 30)


def test_stale_status_fails_fresh_routes_alone(key_ring, bearers, clock, lists, ticks):
    token = access(key_ring, clock, status=status(5))
    assert bearers.verify(token, fresh=True).subject == "alice"
    ticks.advance(31)

    assert bearers.verify(token).subject == "alice"
    with pytest.raises(Unconfirmed) as refused:
        bearers.verify(token, fresh=True)

    assert refused.value.retry_after > 0
    lists.refresh()
    assert bearers.verify(token, fresh=True).subject == "alice"


def test_unread_list_makes_status_unavailable(key_ring, bearers, clock, lists, ticks):
    lists.refresh()
    ticks.advance(31)

    with pytest.raises(StatusUnavailable):
        bearers.verify(access(key_ring, clock, status=status(1, "http://localhost:8080/status-lists/2")))


def test_damaged_private_key_is_refused(folder):
    (file,) = folder.path.glob("*.pem")
    whole = pem.read_private(file).private_numbers()
    broken = RSAPrivateNumbers(
        whole.p, whole.q, whole.d + 2, whole.dmp1 + 2, whole.dmq1, whole.iqmp, whole.public_numbers
    )
    file.write_bytes(pem.private_pem(broken.private_key(unsafe_skip_rsa_key_validation=True)))

    with pytest.raises(pem.KeyFault, match="damaged"):
        KeyFolder(folder.path).open()


def test_folder_sees_changes_in_one_clock_tick(folder):
    names = [{*folder.keys()}]
    for _ in range(2):
        folder.create(time.time())
        names.append({*folder.keys()})

    assert [len(found) for found in names] == [1, 2, 3]


def test_file_deleted_during_read_is_absent(folder):
    signature = folder._look()
    for file in folder.path.glob("*.pem"):
        file.unlink()

    folder._read_all(signature)

    assert folder._public == {}
