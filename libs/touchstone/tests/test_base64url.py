"""Base64url: one spelling for each byte string."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchstone.base64url import decoder, pair_decoder
from touchstone.msgspec_support import CODECS, Codecs


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


# Codecs that accept any JSON string, with its escapes.
LENIENT = Codecs(
    json.loads,
    bytes,
    lambda raw: base64.b64decode(json.loads(raw), validate=True),
    lambda raw: tuple(base64.b64decode(part, validate=True) for part in json.loads(raw)),
)
DECODERS = {"standard library": decoder(None), "with lenient codecs": decoder(LENIENT)}
if CODECS:
    DECODERS["with msgspec"] = decoder(CODECS)
decoders = pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS.keys())
PAIR_DECODERS = {"standard library": pair_decoder(None), "with lenient codecs": pair_decoder(LENIENT)}
if CODECS:
    PAIR_DECODERS["with msgspec"] = pair_decoder(CODECS)
pair_decoders = pytest.mark.parametrize("decode_pair", PAIR_DECODERS.values(), ids=PAIR_DECODERS.keys())


@decoders
@given(st.binary(min_size=1))
def test_encoded_bytes_are_decoded(decode, data):
    assert decode(encode(data)) == data


@decoders
@given(st.binary() | st.text(alphabet='AZaz09-_+/=.\n \\u41"').map(str.encode))
def test_decoded_text_encodes_to_itself(decode, text):
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
def test_other_spellings_are_refused(decode, text):
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@pair_decoders
@given(st.binary(min_size=1), st.binary(min_size=1))
def test_encoded_pair_is_decoded(decode_pair, former, latter):
    assert decode_pair(encode(former) + b"." + encode(latter)) == (former, latter)


@pair_decoders
@given(st.binary() | st.text(alphabet='AZaz09-_+/=.\n \\u41"').map(str.encode))
def test_decoded_pair_encodes_to_itself(decode_pair, text):
    try:
        former, latter = decode_pair(text)
    except ValueError:
        return
    assert encode(former) + b"." + encode(latter) == text


@pair_decoders
@pytest.mark.parametrize("text", [b"", b".", b"AA", b"AA.", b".AA", b"AA.AA.AA", b"AA..AA", b'AA","AA.AA'])
def test_other_pairs_are_refused(decode_pair, text):
    with pytest.raises(ValueError, match=r"."):
        decode_pair(text)
