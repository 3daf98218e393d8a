"""Status lists: the draft's test vectors, a row for each rule, and arbitrary input."""

import base64
import json
import zlib
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchstone import KeySet, StatusList
from touchstone.status import MAX_LIST_BYTES, UnknownSignerError, read

NOW = 1_900_000_000
ISSUER, URI = "https://issuer.example", "https://issuer.example/status-lists/1"
TEN_YEARS = 10 * 365.25 * 24 * 3600
VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("status_list.json").read_text("utf-8"))


def lst(data, level=9):
    return base64.urlsafe_b64encode(zlib.compress(data, level)).rstrip(b"=").decode()


def raw(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def listed(signer):
    """`listed(header, **claims)`: a list token with these header members and claims changed."""

    def make(header=None, signer=signer, **claims):
        members = {
            "iss": ISSUER,
            "sub": URI,
            "iat": NOW,
            "exp": NOW + 43_200,
            "ttl": 20,
            "status_list": {"bits": 1, "lst": lst(b"\x09\0")},
        }
        claims = {name: value for name, value in {**members, **claims}.items() if value is not signer.REMOVE}
        head = signer.header(typ="statuslist+jwt") | (header or {})
        head = {name: value for name, value in head.items() if value is not signer.REMOVE}
        return signer.sign(json.dumps(head).encode(), json.dumps(claims).encode()).encode()

    return make


@pytest.fixture
def reading(keys):
    return lambda token, **how: read(token, keys, **{"uri": URI, "issuer": ISSUER, "now": NOW, **how})


# --- the vectors of the draft ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS["vectors"] if "size" in v], ids=lambda v: f"{v['bits']} bits"
)
def test_draft_lists_are_read(vector):
    entries = StatusList.decode(vector["bits"], vector["lst"])
    assert len(entries) == vector["size"]
    expected = {int(index): value for index, value in vector["status"].items() if value}
    found = ((index, entries.get(index)) for index in range(len(entries)))
    assert {index: value for index, value in found if value} == expected


@pytest.mark.parametrize("vector", [v for v in VECTORS["vectors"] if "bytes" in v], ids=lambda v: v["lst"])
def test_draft_bytes_are_read(vector):
    assert list(StatusList.decode(vector["bits"], vector["lst"]).data) == vector["bytes"]


# --- the bits -------------------------------------------------------------------------------------------------


@given(st.sampled_from([1, 2, 4, 8]).flatmap(lambda bits: st.tuples(st.just(bits), st.binary(max_size=64))))
def test_entries_are_packed_lowest_bits_first(packed):
    bits, data = packed
    entries = StatusList.decode(bits, lst(data))
    assert len(entries) == len(data) * 8 // bits
    whole = int.from_bytes(data, "little")
    assert [entries.get(n) for n in range(len(entries))] == [
        whole >> n * bits & (1 << bits) - 1 for n in range(len(entries))
    ]


@given(st.binary(max_size=16), st.integers())
def test_index_outside_raises_index_error(data, index):
    entries = StatusList("", 1, data, 0)
    if 0 <= index < len(data) * 8:
        assert entries.get(index) in {0, 1}
    else:
        with pytest.raises(IndexError):
            entries.get(index)


@pytest.mark.parametrize("bits", [0, 3, 16, -1, True, 1.0, "1", None, [1]])
def test_other_bits_are_refused(bits):
    with pytest.raises(ValueError, match="bits"):
        StatusList.decode(bits, lst(b"\0"))


DEFLATED = zlib.compress(b"\x09" * 1000)
BAD = [
    pytest.param(None, id="nothing"),
    pytest.param(b"eJxjAAAAAQAB", id="bytes"),
    pytest.param("", id="empty"),
    pytest.param(lst(b"\0") + "=", id="padded"),
    pytest.param("é", id="not ASCII"),
    pytest.param("a b", id="not base64url"),
    pytest.param(raw(b"\x09" * 1000), id="not deflated"),
    pytest.param(raw(DEFLATED[2:-4]), id="raw deflate, not zlib"),
    pytest.param(raw(DEFLATED[:-1]), id="truncated in the checksum"),
    pytest.param(raw(DEFLATED[:6]), id="truncated in the data"),
    pytest.param(raw(DEFLATED[:-1] + b"\0"), id="a wrong checksum"),
    pytest.param(raw(DEFLATED + b"\0"), id="a byte behind the end"),
    pytest.param(raw(DEFLATED + DEFLATED), id="two streams"),
    pytest.param(lst(bytes(MAX_LIST_BYTES + 1)), id="a byte more than 1 MiB"),
    pytest.param(lst(bytes(30_000_000)), id="a bomb of 30 MB"),
]


@pytest.mark.parametrize("text", BAD)
def test_invalid_lst_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        StatusList.decode(1, text)


def test_list_of_1_mib_is_accepted():
    assert len(StatusList.decode(8, lst(bytes(MAX_LIST_BYTES)))) == MAX_LIST_BYTES


@given(st.text(max_size=40) | st.binary(max_size=40).map(raw) | st.binary(max_size=40).map(lst))
def test_any_lst_is_read_or_raises_value_error(text):
    try:
        entries = StatusList.decode(1, text)
    except ValueError:
        return
    assert zlib.decompress(base64.urlsafe_b64decode(text + "==")) == entries.data


# --- the token ------------------------------------------------------------------------------------------------


def test_valid_list_token_is_read(reading, listed):
    entries = reading(listed())
    assert (entries.uri, entries.bits, entries.data) == (URI, 1, b"\x09\0")
    assert (entries.issued_at, entries.expires_at, entries.ttl) == (NOW, NOW + 43_200, 20)
    assert [index for index in range(16) if entries.get(index)] == [0, 3]


def test_optional_claims_may_be_missing(reading, listed, signer):
    entries = reading(listed(iss=signer.REMOVE, exp=signer.REMOVE, ttl=signer.REMOVE))
    assert (entries.expires_at, entries.ttl) == (inf, None)


def test_long_form_of_typ_is_accepted(reading, listed):
    assert reading(listed(header={"typ": "application/statuslist+jwt"}))


def test_aggregation_uri_is_ignored(reading, listed):
    members = {"bits": 1, "lst": lst(b"\0"), "aggregation_uri": "https://issuer.example/status-lists"}
    assert reading(listed(status_list=members))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": None},
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": None},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
        {"kid": None},
        {"kid": ["key-1"]},
        {"kid": "key-2"},
    ],
    ids=str,
)
def test_other_header_is_refused(reading, listed, header):
    with pytest.raises(ValueError, match=r"."):
        reading(listed(header=header))


def test_unknown_key_raises_unknown_signer(reading, listed):
    with pytest.raises(UnknownSignerError):
        reading(listed(header={"kid": "key-2"}))


def test_access_token_is_refused(reading, signer):
    with pytest.raises(ValueError, match="typ"):
        reading(signer.token().encode())


def test_signature_of_other_key_is_refused(reading, listed, other_signer):
    with pytest.raises(ValueError, match="signature"):
        reading(listed(signer=other_signer))


def test_empty_key_set_raises_unknown_signer(listed):
    with pytest.raises(UnknownSignerError):
        read(listed(), KeySet({}), uri=URI, issuer=ISSUER, now=NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "https://issuer.example/status-lists/2"},
        {"sub": None},
        {"iss": "https://other.example"},
        {"iss": None},
        {"iat": None},
        {"iat": str(NOW)},
        {"iat": True},
        {"iat": NOW + 31},
        {"iat": NOW + 10**400},
        {"iat": NOW - TEN_YEARS},
        {"exp": NOW - 30},
        {"exp": None},
        {"exp": "never"},
        {"exp": 10**400},
        {"ttl": 0},
        {"ttl": -1},
        {"ttl": None},
        {"ttl": True},
        {"ttl": "20"},
        {"ttl": 10**400},
        {"status_list": None},
        {"status_list": []},
        {"status_list": {}},
        {"status_list": {"bits": 3, "lst": lst(b"\0")}},
        {"status_list": {"bits": 1, "lst": "!"}},
    ],
    ids=str,
)
def test_invalid_claim_is_refused(reading, listed, claims):
    with pytest.raises(ValueError, match=r"."):
        reading(listed(**claims))


@pytest.mark.parametrize("name", ["sub", "iat", "status_list"])
def test_missing_claim_is_refused(reading, listed, signer, name):
    with pytest.raises(ValueError, match=r"."):
        reading(listed(**{name: signer.REMOVE}))


@pytest.mark.parametrize("claims", [{"iat": NOW + 30}, {"exp": NOW - 29}], ids=str)
def test_leeway_is_30_seconds(reading, listed, claims):
    assert reading(listed(**claims))


@pytest.mark.parametrize(
    "mangle",
    [
        lambda t: b"",
        lambda t: b"..",
        lambda t: b"<html>",
        lambda t: t + b"\n",
        lambda t: t + b"=",
        lambda t: t + b".AAAA",
        lambda t: t.rpartition(b".")[0],
        lambda t: t.replace(b".", b"..", 1),
        lambda t: b"\xff" + t,
    ],
)
def test_other_serialization_is_refused(reading, listed, mangle):
    with pytest.raises(ValueError, match=r"."):
        reading(mangle(listed()))


@pytest.mark.parametrize("payload", [b"[]", b"1", b'{"a":1,"a":1}', b"{" * 9, b"\xff"])
def test_payload_without_strict_object_is_refused(reading, signer, payload):
    token = signer.sign(json.dumps(signer.header(typ="statuslist+jwt")).encode(), payload)
    with pytest.raises(ValueError, match=r"."):
        reading(token.encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_raise_value_error(keys, junk):
    with pytest.raises(ValueError, match=r".|^$"):
        read(junk, keys, uri=URI, issuer=ISSUER, now=NOW)


def test_error_repeats_nothing_from_token(reading, listed):
    with pytest.raises(ValueError, match=r".") as caught:
        reading(listed(sub="https://secret.example/lists"))
    assert "secret" not in str(caught.value)
