"""Addresses, names, passwords: what is accepted, and in which form."""

import pytest
from auth_service.domain.accounts import check_name, normalise_email
from auth_service.domain.errors import InvalidEmail, InvalidName, InvalidPassword
from auth_service.domain.passwords import check_new_password
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
def test_one_address_is_kept_in_one_form(given_as, kept_as):
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
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InvalidEmail):
        normalise_email(address)


@given(st.text(max_size=40))
def test_any_text_is_refused_or_has_a_form_that_stays(text):
    for address in (text, f"{text}@example.com"):
        try:
            kept = normalise_email(address)
        except InvalidEmail:
            continue
        assert normalise_email(kept) == kept


def test_a_name_loses_the_blanks_around_it():
    assert check_name("  Zoë van der Berg ") == "Zoë van der Berg"


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00", "x" * 201, "\ud800"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InvalidName):
        check_name(name)


@pytest.mark.parametrize("password", ["12345678", "é" * 4, "x" * 1024, " " * 8, "\x00" * 8])
def test_a_password_has_8_to_1024_bytes(password):
    check_new_password(password)


@pytest.mark.parametrize("password", ["", "1234567", "é" * 513, "x" * 1025, "\ud800" * 8])
def test_other_passwords_are_refused(password):
    with pytest.raises(InvalidPassword):
        check_new_password(password)
