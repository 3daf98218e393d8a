"""Encryption of the cookies."""

import base64

import pytest
from cryptography.fernet import Fernet
from gateway.browser_session.sealer import Sealer, parse_keys

NEW, OLD = (base64.urlsafe_b64encode(each * 32).decode() for each in (b"n", b"o"))


def test_sealed_data_can_be_opened_only_here():
    sealed = Sealer([NEW]).seal(b"use", b"secret:data").encode()

    assert Sealer([NEW]).open(b"use", sealed) == b"secret:data"
    assert Sealer([OLD]).open(b"use", sealed) is None
    assert b"secret" not in sealed


def test_earlier_key_opens_but_does_not_seal():
    rotated = Sealer([NEW, OLD])

    assert rotated.open(b"use", Sealer([OLD]).seal(b"use", b"data").encode()) == b"data"
    assert Sealer([OLD]).open(b"use", rotated.seal(b"use", b"data").encode()) is None


def test_data_for_another_use_is_not_opened():
    sealed = Sealer([NEW]).seal(b"one", b"data").encode()

    assert Sealer([NEW]).open(b"other", sealed) is None


def test_old_data_is_not_opened():
    sealed = Fernet(NEW).encrypt_at_time(b"use:data", 1000)

    assert Sealer([NEW]).open(b"use", sealed) == b"data"
    assert Sealer([NEW]).open(b"use", sealed, 600) is None


@pytest.mark.parametrize("sealed", [b"", b"x", b"\xff", b"gAAAA", b"=" * 5000])
def test_other_text_is_not_opened(sealed):
    assert Sealer([NEW]).open(b"use", sealed) is None


@pytest.mark.parametrize("text", [f"{NEW},{OLD}", f"{NEW}\n{OLD}\n", f" {NEW} , {OLD} "])
def test_keys_may_be_separated_by_commas_and_spaces(text):
    assert parse_keys(text) == (NEW, OLD)


@pytest.mark.parametrize("text", ["", ",", "short", f"{NEW},short", NEW[:-2], ",".join([NEW] * 11), "é" * 44])
def test_bad_keys_are_refused_without_showing_them(text):
    with pytest.raises(ValueError, match="must be 1 to 10 keys") as refused:
        parse_keys(text)
    assert NEW not in str(refused.value)
