"""PyJWT as oracle: it accepts each token that touchstone accepts, with the same claims; mutated tokens are refused."""

import base64
import json
import time

import jwt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from touchstone import TokenError, Verifier

ISSUER, AUDIENCE = "https://issuer.example", "orders-service"


def examples(count):
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=count, suppress_health_check=slow, deadline=None)


@pytest.fixture(scope="module")
def today(policy, keys):
    """A verifier with the real clock, which PyJWT always uses."""
    return Verifier(policy, lambda: keys, cache_size=16)


def by_pyjwt(signer, token):
    return jwt.decode(
        token,
        signer.key.public_key(),
        algorithms=["RS256"],
        audience=AUDIENCE,
        issuer=ISSUER,
        leeway=30,
        options={"require": ["exp", "iat", "aud", "iss", "sub", "jti"]},
    )


def judge(verifier, signer, token):
    """Verify with both; return touchstone's claims, or None if it refuses."""
    try:
        claims = verifier.verify(token)
    except TokenError:
        return None
    payload = by_pyjwt(signer, token)
    assert (claims.subject, claims.token_id, claims.issuer) == (
        payload["sub"],
        payload["jti"],
        payload["iss"],
    )
    assert (claims.expires_at, claims.issued_at) == (payload["exp"], payload["iat"])
    assert claims.audience == (
        (payload["aud"],) if isinstance(payload["aud"], str) else tuple(payload["aud"])
    )
    assert claims.scopes == frozenset(payload.get("scope", "").split())
    return claims


# Whole seconds well away from the edges: PyJWT truncates fractions and reads the clock a moment later.
OFFSETS = st.sampled_from([-(10**10), -86_400, -120, -20, 0, 15, 25, 120, 300, 10**9, 10**400])
JUNK = (
    st.none() | st.booleans() | st.floats() | st.text(max_size=4) | st.lists(st.text(max_size=4), max_size=2)
)
MOMENTS = st.one_of(OFFSETS.map(lambda offset: int(time.time()) + offset), OFFSETS, JUNK)
NAMES = st.sampled_from([ISSUER, AUDIENCE, "", "x", "\x00", "é", "x" * 256])
VALUES = {
    "iss": NAMES | JUNK,
    "aud": NAMES | JUNK | st.lists(NAMES | JUNK, max_size=3),
    "sub": NAMES | JUNK,
    "jti": NAMES | JUNK,
    "exp": MOMENTS,
    "iat": MOMENTS,
    "nbf": MOMENTS,
    "scope": st.sampled_from(["", "a b", " a  b "]) | JUNK,
    "roles": JUNK,
    "act": JUNK | st.dictionaries(st.sampled_from(["sub", "act"]), NAMES | JUNK),
    "status": JUNK,
    "other": JUNK,
}


@examples(300)
@given(
    changes=st.fixed_dictionaries({}, optional=VALUES),
    gone=st.sets(st.sampled_from(sorted(VALUES)), max_size=1),
)
@example(changes={}, gone=set())
def test_accepted_claims_pass_pyjwt(today, signer, changes, gone):
    now = int(time.time())
    claims = signer.claims(**{"iat": now, "exp": now + 300, "auth_time": now, **changes})
    payload = json.dumps({name: value for name, value in claims.items() if name not in gone}).encode()
    accepted = judge(today, signer, signer.sign(json.dumps(signer.header()).encode(), payload))
    assert accepted or changes or gone


HEADERS = {
    "alg": st.sampled_from(["RS256", "none", "HS256", "RS512"]) | JUNK,
    "typ": st.sampled_from(["at+jwt", "application/at+jwt", "JWT"]) | JUNK,
    "kid": st.sampled_from(["key-1", "key-2"]) | JUNK,
    "crit": JUNK,
    "b64": JUNK,
    "zip": JUNK,
    "jwk": JUNK,
    "cty": JUNK,
}


@examples(200)
@given(changes=st.fixed_dictionaries({}, optional=HEADERS))
def test_accepted_header_passes_pyjwt(today, signer, changes):
    now = int(time.time())
    payload = json.dumps(signer.claims(iat=now, exp=now + 300, auth_time=now)).encode()
    judge(today, signer, signer.sign(json.dumps(signer.header(**changes)).encode(), payload))


@pytest.fixture(scope="module")
def good(today, signer):
    now = int(time.time())
    token = signer.token(iat=now, exp=now + 3000, auth_time=now)
    assert judge(today, signer, token)
    return token


CHARACTERS = st.sampled_from([*'AaZz09-_+/=. \n\t,;%\\"{}', "\x00", "é", "\udc80", "\U0001f600"])


@st.composite
def mutations(draw):
    """A few deletions and insertions anywhere in a token."""
    edits = draw(
        st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.text(CHARACTERS, max_size=4)), min_size=1)
    )

    def mutate(token):
        for place, cut, added in edits:
            at = int(place * len(token))
            token = token[:at] + added + token[at + cut :]
        return token

    return mutate


@examples(500)
@given(mutations())
def test_mutated_token_is_refused(today, signer, good, mutate):
    token = mutate(good)
    assert (judge(today, signer, token) is None) == (token != good)


@examples(100)
@given(st.permutations(range(3)), st.integers(0, 2), st.integers(0, 2))
def test_reordered_parts_are_refused(today, signer, good, order, again, instead):
    parts = good.split(".")
    shuffled = [parts[at] for at in order]
    shuffled[again] = shuffled[instead]
    token = ".".join(shuffled)
    assert (judge(today, signer, token) is None) == (token != good)


@examples(100)
@given(st.binary(max_size=60), st.booleans())
def test_any_signed_bytes_raise_token_error_at_most(today, signer, junk, as_header):
    header = junk if as_header else json.dumps(signer.header()).encode()
    payload = json.dumps(signer.claims()).encode() if as_header else junk
    assert judge(today, signer, signer.sign(header, payload)) is None


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(CHARACTERS),
    st.binary(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.text()),
    st.tuples(st.text(), st.text()),
    st.builds(object),
    st.builds(bytearray, st.binary()),
    st.lists(st.binary().map(b64), min_size=3, max_size=3).map(".".join),
    st.integers(8_000, 50_000).map("A".__mul__),
    st.integers(8_000, 50_000).map(".".__mul__),
)


@examples(500)
@given(ANYTHING)
def test_any_value_raises_token_error_at_most(today, anything):
    with pytest.raises(TokenError):
        today.verify(anything)


def test_str_subclass_is_refused(today, good):
    class Sly(str):
        __slots__ = ()

        def __hash__(self):
            raise AssertionError("should not be called")

    with pytest.raises(TokenError):
        today.verify(Sly(good))
