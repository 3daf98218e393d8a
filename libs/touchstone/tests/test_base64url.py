"""Base64url: one spelling for each byte string."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchstone.base64url import decoder
from touchstone.faster import HELP, Help


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


# Help that reads any JSON string, escapes and all.
LENIENT = Help(json.loads, bytes, lambda raw: base64.b64decode(json.loads(raw), validate=True))
DECODERS = {"alone": decoder(None), "with lenient help": decoder(LENIENT)}
if HELP:
    DECODERS["with msgspec"] = decoder(HELP)
decoders = pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS.keys())


@decoders
@given(st.binary(min_size=1))
def test_what_is_encoded_is_decoded(decode, data):
    assert decode(encode(data)) == data


@decoders
@given(st.binary() | st.text(alphabet='AZaz09-_+/=.\n \\u41"').map(str.encode))
def test_whatever_decodes_encodes_back_to_the_same(decode, text):
    try:
        data = decode(text)
    except ValueError:
        return
    assert encode(data) == text


@decoders
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"A",
        b"AAAAA",
        b"AB",
        b"AAB",
        b"AA==",
        b"A+",
        b"A/",
        b"AA A",
        b"AAA\n",
        b"\xff\xff",
        b"AA=A",
        b"AA==AAAA",
        b"\\u0041AA",
        b'AA"A',
    ],
)
def test_any_other_spelling_is_refused(decode, text):
    with pytest.raises(ValueError, match=r"."):
        decode(text)
