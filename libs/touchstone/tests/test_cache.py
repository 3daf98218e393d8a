"""A cached verdict is always the one that a new check would reach."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchstone import KeySet, Policy, TokenError, Verifier, errors
from touchstone.cache import VerdictCache

NOW = 1_900_000_000


class KeySource:
    """A key set that can be replaced."""

    def __init__(self, keys):
        self.keys = keys
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.keys


@pytest.fixture
def source(keys):
    return KeySource(keys)


@pytest.fixture
def cached(policy, source, clock):
    return Verifier(policy, source, now=clock)


def test_cached_claims_are_same_object(cached, signer):
    token = signer.token()
    assert cached.verify(token) is cached.verify("".join(list(token)))


def test_size_zero_caches_nothing(policy, keys, signer, clock):
    verifier = Verifier(policy, lambda: keys, cache_size=0, now=clock)
    token = signer.token()
    assert verifier.verify(token) is not verifier.verify(token)


def test_negative_size_is_refused(policy, keys):
    with pytest.raises(ValueError, match="cache_size"):
        Verifier(policy, lambda: keys, cache_size=-1)


def test_oldest_verdict_is_dropped(policy, keys, signer, clock):
    verifier = Verifier(policy, lambda: keys, cache_size=2, now=clock)
    tokens = [signer.token(jti=str(n)) for n in range(3)]
    first, *later = [verifier.verify(token) for token in tokens]
    assert [verifier.verify(token) for token in tokens[1:]] == later
    assert all(verifier.verify(token) is claims for token, claims in zip(tokens[1:], later, strict=True))
    assert verifier.verify(tokens[0]) is not first


def test_refused_token_is_not_cached(cached, other_signer, source, other_key, signer):
    token = other_signer.token()
    with pytest.raises(errors.BadSignature):
        cached.verify(token)
    source.keys = KeySet.from_jwks(other_signer.jwks())
    assert cached.verify(token)


def test_cached_token_expires_after_leeway(cached, signer, clock):
    token = signer.token(exp=NOW + 300)
    cached.verify(token)
    clock.advance(329.9)
    assert cached.verify(token)
    clock.advance(0.1)
    with pytest.raises(errors.ExpiredToken):
        cached.verify(token)


def test_cached_token_is_not_valid_before_nbf(cached, signer, clock):
    token = signer.token(nbf=NOW + 20)
    cached.verify(token)
    clock.advance(-11)
    with pytest.raises(errors.NotYetValid):
        cached.verify(token)


def test_withdrawn_key_ends_cached_tokens(cached, signer, other_signer, source):
    token = signer.token()
    cached.verify(token)
    source.keys = KeySet.from_jwks(b'{"keys":[]}')
    with pytest.raises(errors.UnknownKey):
        cached.verify(token)


def test_replaced_key_ends_cached_tokens(cached, signer, other_signer, source):
    token = signer.token()
    cached.verify(token)
    source.keys = KeySet.from_jwks(other_signer.jwks())
    with pytest.raises(errors.BadSignature):
        cached.verify(token)


def test_key_read_again_keeps_cached_tokens(cached, signer, source):
    token = signer.token()
    claims = cached.verify(token)
    source.keys = KeySet.from_jwks(signer.jwks())
    assert cached.verify(token) is claims


def test_keys_are_read_at_every_use(cached, signer, source):
    token = signer.token()
    for _ in range(3):
        cached.verify(token)
    assert source.calls == 3


def test_verdicts_are_not_shared_by_policies(keys, signer, clock):
    token = signer.token()
    first = Verifier(Policy("https://issuer.example", "orders-service"), lambda: keys, now=clock)
    second = Verifier(Policy("https://issuer.example", "users-service"), lambda: keys, now=clock)
    assert first.verify(token)
    with pytest.raises(errors.WrongAudience):
        second.verify(token)


def outcome(verifier, token):
    try:
        return verifier.verify(token)
    except TokenError as refused:
        return type(refused)


TIMES = st.integers(-400, 400) | st.sampled_from(
    [-315_576_000, 315_576_000, -315_575_990, 315_575_990, 157_788_000]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(iat=TIMES, exp=TIMES, nbf=TIMES, moves=st.lists(TIMES | st.floats(-400, 400), max_size=6))
def test_cached_verdict_equals_fresh_one_at_any_time(policy, keys, signer, make_clock, iat, exp, nbf, moves):
    clock = make_clock()
    token = signer.token(iat=NOW + iat, exp=NOW + exp, nbf=NOW + nbf)
    caching = Verifier(policy, lambda: keys, now=clock)
    for move in [0, *moves]:
        clock.now = NOW + move
        fresh = Verifier(policy, lambda: keys, now=clock)
        assert outcome(caching, token) == outcome(fresh, token)


def test_small_cache_is_shared_by_threads(policy, keys, signer, clock):
    verifier = Verifier(policy, lambda: keys, cache_size=3, now=clock)
    tokens = [signer.token(jti=f"token-{n}") for n in range(12)]

    def work(offset):
        for n in range(200):
            at = (n * 5 + offset) % len(tokens)
            assert verifier.verify(tokens[at]).token_id == f"token-{at}"

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert len(verifier._verdicts) <= 3


def test_full_cache_is_written_by_threads():
    cache = VerdictCache(1)

    def work(name):
        for n in range(20_000):
            cache.put(f"{name}{n}", None)
            cache.discard(f"{name}{n}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, "abcdefgh"))
    finally:
        sys.setswitchinterval(interval)


def test_known_headers_are_bounded(cached, signer):
    for n in range(70):
        assert cached.verify(signer.token(header={"n": n}))
    assert len(cached._headers) <= 64
