"""The folder of signing keys, and the ring that signs with them."""

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
def make_ring(folder, clock, ticks):
    return lambda: KeyRing(KeyFolder(folder.path), TIMES, clock, ticks)


@pytest.fixture
def ring(make_ring):
    return make_ring()


def kids(ring):
    return [key["kid"] for key in json.loads(ring.document()[0])["keys"]]


def states(ring):
    return [str(each.state) for each in ring.statuses()]


def signer(ring):
    return jwt.get_unverified_header(ring.sign({"a": 1}, typ="at+jwt"))["kid"]


def test_a_token_is_rs256_with_kid_and_typ_and_verifies_with_the_published_key(ring):
    token = ring.sign({"sub": "alice"}, typ="at+jwt")

    published = jwt.PyJWKSet.from_json(ring.document()[0].decode())
    assert jwt.get_unverified_header(token) == {
        "alg": "RS256",
        "typ": "at+jwt",
        "kid": published.keys[0].key_id,
    }
    assert jwt.decode(token, published.keys[0].key, algorithms=["RS256"]) == {"sub": "alice"}


def test_the_document_shows_public_members_alone(ring):
    (key,) = json.loads(ring.document()[0])["keys"]

    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    assert (key["kty"], key["e"], key["use"], key["alg"]) == ("RSA", "AQAB", "sig", "RS256")


def test_a_key_is_published_first_and_signs_later(ring, clock, ticks):
    first = signer(ring)
    second = ring.rotate()

    assert kids(ring) == [second, first]
    assert signer(ring) == first
    clock.advance(120)
    assert (signer(ring), states(ring)) == (second, ["retired", "current"])
    clock.advance(390)
    assert (kids(ring), states(ring)) == ([second], ["expired", "current"])
    assert ring.prune() == [first]
    assert states(ring) == ["current"]
    assert ring.prune() == []


def test_the_etag_changes_with_the_keys_and_not_otherwise(ring):
    before = ring.document()

    assert ring.document() == before
    ring.rotate()
    assert ring.document()[1] != before[1]


def test_another_process_sees_a_change_within_a_quarter_of_a_second(make_ring, ticks):
    mine, others = make_ring(), make_ring()
    kid = others.rotate()

    assert kid not in kids(mine)
    ticks.advance(0.25)
    assert kid in kids(mine)


def test_all_processes_sign_with_the_same_key_at_any_time(make_ring, clock, ticks):
    mine, others = make_ring(), make_ring()
    mine.rotate()
    for _ in range(5):
        clock.advance(40)
        ticks.advance(1)
        assert signer(mine) == signer(others)


def test_a_withdrawn_key_is_gone_at_once_and_the_other_one_signs(ring):
    first, second = signer(ring), ring.rotate()

    assert ring.withdraw(first) is None
    assert (kids(ring), signer(ring)) == ([second], second)


def test_when_the_last_key_is_withdrawn_a_new_one_signs_at_once(ring):
    first = signer(ring)

    made = ring.withdraw(first)

    assert made not in (None, first)
    assert (kids(ring), signer(ring)) == ([made], made)


def test_withdrawing_the_current_key_does_not_bring_an_expired_one_back(ring, clock):
    first, second = signer(ring), ring.rotate()
    clock.advance(1000)
    assert states(ring) == ["expired", "current"]

    made = ring.withdraw(second)

    assert kids(ring) == [made]
    assert first not in [each.kid for each in ring.statuses()]


def test_withdrawing_an_expired_key_leaves_the_current_one(ring, clock):
    first, second = signer(ring), ring.rotate()
    clock.advance(1000)

    assert ring.withdraw(first) is None
    assert signer(ring) == second


def test_a_key_that_is_not_there_cannot_be_withdrawn(ring):
    with pytest.raises(UnknownKey):
        ring.withdraw("no such key")


def test_a_first_key_is_made_when_there_is_none(tmp_path, clock):
    ring = KeyRing(KeyFolder(tmp_path / "new" / "signing"), TIMES, clock)

    (file,) = (tmp_path / "new" / "signing").glob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.name == f"{int(clock())}-{signer(ring)}.pem"
    assert ring.fault() is None


def test_files_that_are_no_keys_are_ignored_and_named_once(ring, folder, ticks, capsys):
    before = kids(ring)
    (folder.path / "notes.txt").write_text("hello")
    (folder.path / f"1800000000-{'A' * 43}.pem.bak").write_text("junk")
    ticks.advance(1)
    for _ in range(3):
        assert kids(ring) == before
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


def test_a_bad_key_file_stops_the_start_by_name(bad_file, make_ring):
    path = bad_file()

    with pytest.raises(pem.KeyFault, match=path.name[:20]):
        make_ring()


def test_a_bad_key_file_that_turns_up_later_is_left_out(ring, bad_file, ticks):
    before = kids(ring)
    bad_file()
    ticks.advance(1)

    assert kids(ring) == before


def test_a_folder_that_others_can_write_to_stops_the_start(folder, make_ring):
    folder.path.chmod(0o770)

    with pytest.raises(pem.KeyFault):
        make_ring()


def test_without_any_key_nothing_is_signed(ring, folder, ticks):
    for file in folder.path.glob("*.pem"):
        file.unlink()
    ticks.advance(1)

    with pytest.raises(NoSigningKey):
        ring.sign({}, typ="at+jwt")
    assert ring.fault() is not None
    assert kids(ring) == []


def test_while_the_folder_cannot_be_read_the_known_keys_stay_good(ring, folder, ticks):
    before = kids(ring)
    folder.path.rename(folder.path.with_name("elsewhere"))
    ticks.advance(1)

    assert kids(ring) == before
    assert ring.sign({}, typ="at+jwt")


def test_a_file_is_in_place_whole_or_not_at_all(tmp_path):
    with pytest.raises(TypeError):
        pem.write(tmp_path / "a.pem", "not bytes", 0o600)

    assert list(tmp_path.iterdir()) == []


def test_making_keys_twice_leaves_them_as_they_are(tmp_path, capsys):
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


def test_a_lost_half_is_made_again_from_the_private_one(keys_dir):
    public = keys_dir / "clients" / "introspector.pub.pem"
    before = public.read_bytes()
    public.unlink()

    assert main(["--keys-dir", str(keys_dir), "--client", "introspector"]) == 0
    assert public.read_bytes() == before


def test_a_new_private_key_replaces_the_old_public_half(keys_dir):
    public, private = (keys_dir / "clients" / f"introspector{end}" for end in (".pub.pem", ".pem"))
    private.unlink()
    before = public.read_bytes()

    assert main(["--keys-dir", str(keys_dir)]) == 0
    assert public.read_bytes() not in (b"", before)
    assert pem.read_private(private).public_key() == pem.read_public(public)


def test_the_command_names_what_stops_it(keys_dir, bad_file, capsys):
    path = bad_file()

    assert main(["--keys-dir", str(keys_dir)]) == 1
    assert path.name[:20] in capsys.readouterr().err


def test_the_command_makes_no_key_for_a_client_that_needs_none(keys_dir):
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


def test_an_assertion_of_the_clients_own_key_is_opened(assertions, orders_key):
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
def test_an_assertion_that_this_key_did_not_sign_with_rs256_is_refused(assertions, orders_key, kind):
    with pytest.raises(InvalidClient):
        assertions.verified(FORGED[kind](orders_key), "orders-service")


@pytest.mark.parametrize(
    "assertion", ["", "x", "a.b.c", "é", "x" * 8193, jwt.encode({"sub": "x"}, "k" * 32, "HS256")]
)
def test_who_made_an_assertion_that_is_none_cannot_be_told(assertions, assertion):
    with pytest.raises(InvalidClient):
        assertions.issuer(assertion)


def test_a_client_without_a_public_key_here_is_refused(assertions, orders_key, keys_dir):
    (keys_dir / "clients" / "orders-service.pub.pem").unlink()

    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


@pytest.mark.parametrize(
    "content", [b"junk", pem.private_pem(make_rsa()), pem.public_pem(make_rsa(1024).public_key())]
)
def test_a_client_with_a_bad_public_key_is_refused(assertions, orders_key, keys_dir, content):
    (keys_dir / "clients" / "orders-service.pub.pem").write_bytes(content)

    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


def test_a_clients_new_key_counts_from_the_moment_it_is_in_place(assertions, orders_key, keys_dir):
    assert assertions.verified(signed(orders_key), "orders-service")
    new = make_rsa(which=7)
    pem.write(keys_dir / "clients" / "orders-service.pub.pem", pem.public_pem(new.public_key()), 0o644)

    assert assertions.verified(signed(new), "orders-service")
    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


class SlowFolder(KeyFolder):
    """A vault that counts its readers, and makes them wait for as long as a test likes, or fails them."""

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


def test_all_who_wait_for_a_look_at_the_vault_share_the_next_one(slow, clock):
    ring = KeyRing(slow, TIMES, clock)
    slow.reads = 0
    slow.reading.clear()
    slow.go_on.clear()
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(ring.refresh)
        assert slow.reading.wait(20)
        others = [pool.submit(ring.refresh) for _ in range(8)]
        time.sleep(0.2)  # they come to wait; too early a look would only make this test easier
        slow.go_on.set()
        for each in (first, *others):
            each.result(20)

    assert slow.reads <= 2


def test_a_vault_that_is_away_is_in_the_log_once_and_what_was_read_goes_on(slow, clock):
    ring = KeyRing(slow, TIMES, clock)
    before, slow.away = ring.document(), True

    with capture_logs() as log:
        for _ in range(10):
            ring.refresh()

    assert [entry["event"] for entry in log] == ["the signing keys cannot be read"]
    assert ring.document() == before


@pytest.fixture
def revoked():
    """The indices of list 1 whose bits are set."""
    return set()


@pytest.fixture
def lists(ring, clock, revoked, ticks):
    def changes(since):
        return Changes(
            [Bit(1, index, True) for index in revoked], {1: 64}, ReadPosition(1, clock()), whole=True
        )

    return StatusLists("http://localhost:8080", changes, ring, ttl=20, now=clock, ticks=ticks)


@pytest.fixture
def own(ring, clock, lists):
    audiences = frozenset({"orders-service", "users-service"})
    return OwnTokens("http://localhost:8080", LocalKeys(ring), LocalStatuses(lists), audiences, clock)


def access(ring, clock, **changes):
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
    return ring.sign(claims | changes, typ="at+jwt")


def test_an_own_token_is_read_for_its_audience_with_the_chain_outermost_first(ring, own, clock):
    token = access(ring, clock)

    assert own.read(token, "orders-service").actors == ("a", "b")
    assert own.read(token, "users-service") is None
    assert own.read_any(token) == own.read(token, "orders-service")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "e30.W10.e30", "e30.bnVsbA.e30", "x" * 9000])
def test_what_is_no_token_of_ours_is_none(own, token):
    assert own.read(token, "orders-service") is None
    assert own.read_any(token) is None


@pytest.mark.parametrize("audience", ["elsewhere", [], [1], None, {"a": 1}])
def test_a_token_for_none_of_our_audiences_is_none(ring, own, clock, audience):
    assert own.read_any(access(ring, clock, aud=audience)) is None


def test_a_token_of_a_withdrawn_key_is_none_at_once(ring, own, clock):
    token = access(ring, clock)
    assert own.read(token, "orders-service")

    ring.withdraw(signer(ring))

    assert own.read(token, "orders-service") is None


def status(index, uri="http://localhost:8080/status-lists/1"):
    return {"status_list": {"idx": index, "uri": uri}}


def test_a_token_whose_bit_is_set_is_none(ring, own, clock, lists, revoked):
    token, other = (access(ring, clock, status=status(index)) for index in (5, 6))
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
def test_a_token_whose_bit_is_none_of_ours_is_none(ring, own, clock, where):
    assert own.read(access(ring, clock, status=where), "orders-service") is None


@pytest.fixture
def bearers(own, lists):
    return OwnBearers(own.verifier("orders-service"), lists, 30)


def test_own_routes_go_on_with_what_was_last_seen_and_fresh_ones_for_half_a_minute(
    ring, bearers, clock, lists, ticks
):
    token = access(ring, clock, status=status(5))
    assert bearers.verify(token, fresh=True).subject == "alice"
    ticks.advance(31)

    assert bearers.verify(token).subject == "alice"
    with pytest.raises(Unconfirmed) as refused:
        bearers.verify(token, fresh=True)

    assert refused.value.retry_after > 0
    lists.refresh()
    assert bearers.verify(token, fresh=True).subject == "alice"


def test_a_list_that_may_have_been_opened_since_anybody_could_look_is_neither_good_nor_bad(
    ring, bearers, clock, lists, ticks
):
    lists.refresh()
    ticks.advance(31)

    with pytest.raises(StatusUnavailable):
        bearers.verify(access(ring, clock, status=status(1, "http://localhost:8080/status-lists/2")))


def test_a_key_whose_signatures_do_not_hold_is_refused(folder):
    (file,) = folder.path.glob("*.pem")
    whole = pem.read_private(file).private_numbers()
    broken = RSAPrivateNumbers(
        whole.p, whole.q, whole.d + 2, whole.dmp1 + 2, whole.dmq1, whole.iqmp, whole.public_numbers
    )
    file.write_bytes(pem.private_pem(broken.private_key(unsafe_skip_rsa_key_validation=True)))

    with pytest.raises(pem.KeyFault, match="damaged"):
        KeyFolder(folder.path).open()


def test_the_folder_tells_two_changes_within_one_tick_of_its_clock(folder):
    births = [{*folder.keys()}]
    for _ in range(2):
        folder.create(time.time())
        births.append({*folder.keys()})

    assert [len(found) for found in births] == [1, 2, 3]


def test_a_file_that_goes_while_the_folder_is_read_is_as_if_it_had_gone_before(folder):
    signature = folder._look()
    for file in folder.path.glob("*.pem"):
        file.unlink()

    folder._read_all(signature)

    assert folder._public == {}
