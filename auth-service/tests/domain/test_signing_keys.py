"""The states of signing keys, which follow from the clock alone."""

import pytest
from auth_service.domain.signing_keys import KeyName, KeyState, KeyTimes, key_states
from hypothesis import given
from hypothesis import strategies as st

TIMES = KeyTimes.of(jwks_max_age=60, access_ttl=300)
BORN = 1_000_000


def states(now, *births):
    return {
        each.kid: str(each.state) for each in key_states([KeyName(at, kid) for kid, at in births], now, TIMES)
    }


def test_first_key_signs_at_once():
    assert states(BORN, ("a", BORN)) == {"a": "current"}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (0, {"a": "current", "b": "next"}),
        (119, {"a": "current", "b": "next"}),
        (120, {"a": "retired", "b": "current"}),
        (120 + 389, {"a": "retired", "b": "current"}),
        (120 + 390, {"a": "expired", "b": "current"}),
    ],
)
def test_second_key_is_published_before_it_signs(after, expected):
    assert states(BORN + 5000 + after, ("a", BORN), ("b", BORN + 5000)) == expected


def test_oldest_key_signs_while_none_is_due():
    assert states(BORN + 20, ("a", BORN), ("b", BORN + 10)) == {"a": "current", "b": "next"}


def test_waiting_keys_sign_one_after_other():
    births = ("a", BORN), ("b", BORN + 1000), ("c", BORN + 1010)

    assert states(BORN + 1125, *births) == {"a": "retired", "b": "current", "c": "next"}
    assert states(BORN + 1130, *births) == {"a": "retired", "b": "retired", "c": "current"}


def test_no_keys_have_no_states():
    assert key_states([], BORN, TIMES) == []


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=6), st.integers(0, 10_000))
def test_exactly_one_key_is_current(ages, now):
    births = [KeyName(at, f"k{number}") for number, at in enumerate(ages)]

    found = [each.state for each in key_states(births, now, TIMES)]

    assert found.count(KeyState.CURRENT) == 1
    order = [KeyState.EXPIRED, KeyState.RETIRED, KeyState.CURRENT, KeyState.NEXT]
    assert found == sorted(found, key=order.index)


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=6),
    st.integers(0, 8000),
    st.integers(0, 330),
)
def test_key_is_published_while_tokens_live(ages, signed_at, later):
    births = [KeyName(at, f"k{number}") for number, at in enumerate(ages) if at <= signed_at]
    if not births:
        return
    signer = next(each for each in key_states(births, signed_at, TIMES) if each.state is KeyState.CURRENT)
    everything = [KeyName(at, f"k{number}") for number, at in enumerate(ages) if at <= signed_at + later]

    found = {
        each.kid: each.state
        for each in key_states(births + everything[len(births) :], signed_at + later, TIMES)
    }

    assert found[signer.kid] is not KeyState.EXPIRED
