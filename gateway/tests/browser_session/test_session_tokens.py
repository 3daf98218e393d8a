"""The content of the session cookie."""

import base64
import json

import pytest
from gateway.browser_session.session_tokens import SessionTokens
from hypothesis import given
from hypothesis import strategies as st


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


OBJECTS = st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text()), max_size=5)


@given(OBJECTS, OBJECTS, st.binary(max_size=600), st.text(), st.text(), st.text(), st.integers(0, 2**40))
def test_packed_tokens_are_unpacked_unchanged(header, claims, signature, refresh, name, email, at):
    parts = [json.dumps(header).encode(), json.dumps(claims, ensure_ascii=False).encode(), signature]
    tokens = SessionTokens(".".join(map(encoded, parts)), refresh, name, email, at)

    again = SessionTokens.unpacked(tokens.packed())

    assert again == tokens
    assert (again.header, again.claims) == (header, claims)


def test_packed_tokens_are_short(make_tokens):
    scopes = " ".join(f"service-{number}:write" for number in range(100))
    tokens = make_tokens(scope=scopes)

    assert len(tokens.packed()) < len(tokens.access_token) / 2


@pytest.mark.parametrize(
    ("lifetime", "age", "due", "expired"),
    [
        (300, 0, False, False),
        (300, 239, False, False),
        (300, 240, True, False),
        (300, 294, True, False),
        (300, 295, True, True),
        (40, 29, False, False),
        (40, 30, True, False),
        (40, 35, True, True),
        (4, 2, False, False),
        (4, 3, True, False),
    ],
)
def test_tokens_are_due_before_they_expire(make_tokens, lifetime, age, due, expired):
    tokens = make_tokens(lifetime, obtained_at=1000)

    assert (tokens.is_due(1000 + age), tokens.has_expired(1000 + age)) == (due, expired)
