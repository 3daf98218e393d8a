"""Base64url: one spelling for each byte string."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchstone import base64url


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@given(st.binary(min_size=1))
def test_what_is_encoded_is_decoded(data):
    assert base64url.decode(encode(data)) == data


@given(st.binary() | st.text(alphabet="AZaz09-_+/=.\n ").map(str.encode))
def test_whatever_decodes_encodes_back_to_the_same(text):
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert encode(data) == text


@pytest.mark.parametrize(
    "text", [b"", b"A", b"AAAAA", b"AB", b"AAB", b"AA==", b"A+", b"A/", b"AA A", b"AAA\n", b"\xff\xff"]
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
