"""Email addresses, names and passwords: what is accepted, and in which form."""

import pytest
from auth_service.domain.accounts.account import check_name, normalise_email
from auth_service.domain.accounts.errors import InvalidEmail, InvalidName, InvalidPassword
from auth_service.domain.accounts.password import check_new_password
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("given_as", "kept_as"),
    [
        ("Alice@Example.COM", "alice@example.com"),
        ("a.b+c@example.com", "a.b+c@example.com"),
        ("José@example.com", "josé@example.com"),
        ("Jose\u0301@example.com", "josé@example.com"),
        ("x@XN--BCHER-KVA.example.com", "x@bücher.example.com"),
        (" \t\u00a0\u3000Alice@example.com\u2003\r\n", "alice@example.com"),
    ],
)
def test_email_is_normalised(given_as, kept_as):
    assert normalise_email(given_as) == kept_as


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "@example.com",
        "a@b@c",
        "a b@example.com",
        "a@example",
        "a@example.com\r\nX: y",
        "\ud800@example.com",
        "a\x00@example.com",
        "Alice <alice@example.com>",
        "x" * 65 + "@example.com",
        "a@" + "x" * 250 + ".com",
    ],
)
def test_email_invalid_is_refused(address):
    with pytest.raises(InvalidEmail):
        normalise_email(address)


@given(st.text(max_size=40))
def test_email_normalisation_is_idempotent(text):
    for address in (text, f"{text}@example.com"):
        try:
            kept = normalise_email(address)
        except InvalidEmail:
            continue
        assert normalise_email(kept) == kept


def test_name_loses_surrounding_blanks():
    assert check_name("  Zoë van der Berg ") == "Zoë van der Berg"


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a ZWNJ
        "ශ්\u200dරී",  # Sinhala, with a ZWJ
        "👩\u200d👩\u200d👧",
        "山田\u3000太郎",
        "Jean\u00a0Luc",
        "e\u0301",
        "דוד\u200f",
    ],
)
def test_name_of_a_person_is_accepted(name):
    assert check_name(f"\u3000{name}\u00a0 ") == name


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\u3000", "\u200d", "a\nb", "a\n", "a\x00", "a\x7f", "a\x85b", "x" * 201, "\ud800"]
    + [f"a{mark}b" for mark in "\u2028\u2029\u202a\u202e\u2066\u2069"],
)
def test_name_invalid_is_refused(name):
    with pytest.raises(InvalidName):
        check_name(name)


@pytest.mark.parametrize(
    "password",
    ["12345678", "é" * 8, "e\u0301" * 8, "😀" * 8, "é" * 1024, "e\u0301" * 1024, " " * 8, "\x00" * 8],
)
def test_password_has_8_to_1024_characters(password):
    check_new_password(password)


@pytest.mark.parametrize(
    "password", ["", "1234567", "é" * 7, "e\u0301" * 7, "é" * 1025, "x" * 4000, "\ud800" * 8]
)
def test_password_of_other_length_is_refused(password):
    with pytest.raises(InvalidPassword):
        check_new_password(password)
