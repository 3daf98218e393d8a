"""A row for each rule of a token's status: at the first check, and with a cached verdict."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchstone import StatusList, TouchstoneError, Verifier, errors

NOW = 1_900_000_000
URI = "https://issuer.example/status-lists/1"


class Lists:
    """The issuer's current lists: one of 16 entries, which a test may replace."""

    def __init__(self):
        self.requested = []
        self.current = StatusList(URI, 1, b"\0\0", NOW)

    def __call__(self, uri):
        self.requested.append(uri)
        if isinstance(self.current, Exception):
            raise self.current
        if uri != self.current.uri:
            raise errors.UnknownStatus
        return self.current

    def publish(self, *revoked, bits=1, size=16, expires_at=float("inf"), value=1):
        data = bytearray(size * bits // 8)
        for index in revoked:
            data[index * bits // 8] |= value << index * bits % 8
        self.current = StatusList(URI, bits, bytes(data), NOW, expires_at)


@pytest.fixture
def lists():
    return Lists()


@pytest.fixture
def verifier(policy, keys, clock, lists):
    return Verifier(policy, lambda: keys, lists=lists, now=clock)


@pytest.fixture
def token(signer):
    def make(index=3, uri=URI, **claims):
        return signer.token(status={"status_list": {"idx": index, "uri": uri}}, **claims)

    return make


@pytest.fixture(params=["uncached", "cached"])
def seen(request, verifier):
    """Verify a token once before, or not."""

    def show(token):
        if request.param == "cached":
            verifier.verify(token)
        return token

    return show


def test_status_0_is_valid(verifier, token, lists):
    lists.publish(2, 4)
    assert verifier.verify(token(3)).status.index == 3


def test_status_1_is_revoked(verifier, token, lists, seen):
    shown = seen(token(3))
    lists.publish(3)
    with pytest.raises(errors.RevokedToken):
        verifier.verify(shown)


def test_revoked_token_stays_revoked(verifier, token, lists, seen):
    shown = seen(token(3))
    lists.publish(3)
    for _ in range(3):
        with pytest.raises(errors.RevokedToken):
            verifier.verify(shown)


def test_status_reset_to_0_is_valid(verifier, token, lists, seen):
    shown = seen(token(3))
    lists.publish(3)
    with pytest.raises(errors.RevokedToken):
        verifier.verify(shown)
    lists.publish()
    assert verifier.verify(shown)


@pytest.mark.parametrize(("bits", "value"), [(1, 1), (2, 1), (2, 2), (2, 3), (4, 8), (8, 1), (8, 255)])
def test_other_status_is_revoked(verifier, token, lists, seen, bits, value):
    shown = seen(token(3))
    lists.publish(3, bits=bits, value=value)
    with pytest.raises(errors.RevokedToken):
        verifier.verify(shown)


@pytest.mark.parametrize("index", [16, 17, 10**6, 10**400])
def test_index_outside_list_is_refused(verifier, token, index):
    with pytest.raises(errors.UnknownStatus):
        verifier.verify(token(index))


def test_index_outside_smaller_list_is_refused(verifier, token, lists):
    shown = token(15)
    verifier.verify(shown)
    lists.publish(size=8)
    with pytest.raises(errors.UnknownStatus):
        verifier.verify(shown)


@pytest.mark.parametrize("uri", ["https://other.example/status-lists/1", f"{URI}/", "x"])
def test_list_of_other_issuer_is_refused(verifier, token, uri):
    with pytest.raises(errors.UnknownStatus):
        verifier.verify(token(uri=uri))


def test_token_without_status_needs_no_list(verifier, signer, lists):
    for _ in range(2):
        assert verifier.verify(signer.token(status=signer.REMOVE))
    assert lists.requested == []


def test_status_without_lists_is_refused(policy, keys, clock, token):
    with pytest.raises(errors.UnknownStatus):
        Verifier(policy, lambda: keys, now=clock).verify(token())


def test_missing_list_raises_status_unavailable(verifier, token, lists, seen):
    shown = seen(token())
    lists.current = errors.StatusUnavailable(URI)
    with pytest.raises(errors.StatusUnavailable) as caught:
        verifier.verify(shown)
    assert (caught.value.uri, caught.value.retry_after) == (URI, 5)
    lists.publish()
    assert verifier.verify(shown)


def test_list_within_leeway_is_used(verifier, token, lists, clock):
    lists.publish(expires_at=NOW + 100)
    shown = token()
    clock.advance(129.9)
    assert verifier.verify(shown)
    assert verifier.verify(shown)


def test_expired_list_raises_status_unavailable(verifier, token, lists, clock, seen):
    lists.publish(expires_at=NOW + 100)
    shown = seen(token())
    clock.advance(130)
    for _ in range(2):
        with pytest.raises(errors.StatusUnavailable):
            verifier.verify(shown)
    lists.publish()
    assert verifier.verify(shown)


def test_token_and_list_expire_separately(verifier, token, lists, clock):
    lists.publish(expires_at=NOW + 10_000)
    shown = token(exp=NOW + 300)
    verifier.verify(shown)
    lists.publish(5)
    verifier.verify(shown)
    clock.advance(330)
    with pytest.raises(errors.ExpiredToken):
        verifier.verify(shown)


def test_status_is_checked_at_every_use(verifier, token, lists):
    shown = token()
    first = verifier.verify(shown)
    assert verifier.verify(shown) is verifier.verify(shown) is first
    assert lists.requested == [URI] * 3


def test_new_list_needs_no_signature_check(verifier, token, lists):
    shown = token()
    first = verifier.verify(shown)
    lists.publish(5)
    assert verifier.verify(shown) is first


def test_bad_signature_fetches_no_list(verifier, other_signer, lists):
    with pytest.raises(errors.BadSignature):
        verifier.verify(other_signer.token(status={"status_list": {"idx": 0, "uri": URI}}))
    assert lists.requested == []


def outcome(verifier, token):
    try:
        return verifier.verify(token)
    except TouchstoneError as refused:
        return type(refused)


STEPS = st.tuples(
    st.integers(-400, 400), st.sets(st.integers(0, 15)), st.sampled_from([8, 16]), st.booleans()
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(index=st.integers(0, 17), steps=st.lists(STEPS, min_size=1, max_size=6))
def test_cached_verdict_equals_fresh_one(policy, keys, make_clock, token, index, steps):
    clock, lists, shown = make_clock(), Lists(), token(index)
    remembering = Verifier(policy, lambda: keys, lists=lists, now=clock)
    for move, revoked, size, again in steps:
        clock.now = NOW + move
        if not again:
            lists.publish(*(n for n in revoked if n < size), size=size, expires_at=NOW + 100)
        fresh = Verifier(policy, lambda: keys, lists=lists, now=clock)
        assert outcome(remembering, shown) == outcome(fresh, shown)
