"""Strict JSON: accepted and refused texts; ValueError is the only error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchstone import strictjson
from touchstone.msgspec_support import CODECS, Codecs


def lenient(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


# Codecs that accept everything that the standard library does.
LENIENT = Codecs(json.loads, lenient, bytes, tuple)
READERS = {"alone": strictjson.Reader(None), "with lenient help": strictjson.Reader(LENIENT)}
if CODECS:
    READERS["with msgspec"] = strictjson.Reader(CODECS)
readers = pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@readers
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_written_json_is_read_back(reader, value, escaped, indent):
    raw = json.dumps(value, ensure_ascii=escaped, indent=indent).encode()
    assert reader.loads(raw) == value


@readers
@given(st.binary() | st.text() | st.text(alphabet='{}[]",:\\u0d8 \n1eE.-'))
def test_any_text_is_read_or_raises_value_error(reader, raw):
    try:
        value = reader.loads(raw)
    except ValueError:
        return
    assert json.loads(raw) == value


@readers
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"1 2",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'[{"a":1,"\\u0061":1}]',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e999",
        b"-1e999",
        b"9" * 5000,
        b"01",
        b"+1",
        b".5",
        b"\xef\xbb\xbf1",
        "\ufeff1",
        "1".encode("utf-16"),
        "1".encode("utf-32"),
        b'"\xff"',
        b'"\xc0\xaf"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b'"\\udc00\\ud800"',
        '"\ud800"',
        b'"a\nb"',
        b'"\x00"',
        b"1\x00",
        b"\xa01",
        "1\xa0",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'["\\"' + b"\\u" * 30_000,
        b'"' + b'\\"' * 30_000 + b"{" * 40,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_lenient_json_is_refused(reader, raw):
    with pytest.raises(ValueError, match=r"."):
        reader.loads(raw)


@readers
def test_surrogate_pair_is_one_character(reader):
    assert reader.loads(b'"\\ud83d\\ude00"') == "\U0001f600"


@readers
def test_surrounding_whitespace_is_allowed(reader):
    assert reader.loads(b' \t\r\n{"a" : 1}\n') == {"a": 1}


@readers
def test_depth_counts_both_brackets(reader):
    assert reader.loads(b'[{"a":[1]}]', max_depth=3)
    with pytest.raises(ValueError, match="too deep"):
        reader.loads(b'[{"a":[1]}]', max_depth=2)


@readers
def test_sibling_brackets_are_not_deep(reader):
    assert len(reader.loads(b"[" + b"{}," * 99 + b"{}]", max_depth=2)) == 100


@readers
def test_brackets_in_strings_are_not_deep(reader):
    text = json.dumps(["[{" * 50, 'quoted "[[[" and \\', {"[": "{"}])
    assert reader.loads(text, max_depth=2) == json.loads(text)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_codecs_do_not_change_result(value, escaped, indent):
    for raw in (lenient(value), json.dumps(value, ensure_ascii=escaped, indent=indent).encode()):
        readings = [reader.loads(raw) for reader in READERS.values()]
        assert [repr(reading) for reading in readings] == [repr(value)] * len(READERS)


@readers
@pytest.mark.parametrize(
    ("raw", "words"), [(b'"\xff"', "not UTF-8"), (b'["\\ud800"]', "an unpaired surrogate")]
)
def test_character_error_has_own_text(reader, raw, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        reader.loads(raw)
