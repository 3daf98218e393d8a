"""Argon2id hashes, with a limit of parallel ones, and encrypted successors of refresh tokens."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from auth_service.adapters.argon2 import Argon2Hasher, HashCost
from auth_service.domain.accounts.errors import TooBusy
from auth_service.domain.accounts.password import PasswordMatch, normal_form
from hypothesis import given
from hypothesis import strategies as st

CHEAP = HashCost(memory=64, passes=1)


@pytest.fixture
def hasher():
    return Argon2Hasher(CHEAP)


def test_password_fits_its_hash_alone(hasher):
    hashed = hasher.hash("correct horse")

    assert hasher.verify(hashed, "correct horse").fits
    assert not hasher.verify(hashed, "wrong horse").fits


def test_hash_is_argon2id_19_mib_2_passes():
    assert Argon2Hasher().hash("password").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_missing_account_fits_no_password(hasher):
    assert not hasher.verify(None, "anything").fits


def test_overlong_password_does_not_fit(hasher):
    hashed = hasher.hash("é" * 1024)

    assert hasher.verify(hashed, "e\u0301" * 1024).fits
    assert not hasher.verify(hashed, "é" * 1025).fits
    assert not hasher.verify(hashed, "é" * 4000).fits


def test_non_unicode_password_does_not_fit(hasher):
    assert not hasher.verify(hasher.hash("password"), "\ud800").fits


# One password, as a person types it on two keyboards: composed, and decomposed with a no-break space.
NFC, NFD = "Zoë café\u0020ế", "Zoe\u0308 cafe\u0301\u00a0e\u0302\u0301"


@pytest.mark.parametrize(("chosen", "typed"), [(NFC, NFD), (NFD, NFC), (NFC, NFC), (NFD, NFD)])
def test_other_unicode_form_fits(hasher, chosen, typed):
    assert hasher.verify(hasher.hash(chosen), typed) == PasswordMatch(fits=True)


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [(NFD, NFD), ("cafe\u0301 noir", "café noir"), ("a\u3000long one", "a\u3000long one")],
)
def test_unnormalized_hash_fits_as_outdated(hasher, chosen, typed):
    before = hasher._argon2.hash(chosen.encode())

    assert hasher.verify(before, typed) == PasswordMatch(fits=True, outdated=True)
    assert not hasher.verify(before, typed + "x").fits


@given(st.text(max_size=40))
def test_normal_form_is_idempotent(text):
    assert normal_form(normal_form(text)) == normal_form(text)


@pytest.mark.parametrize("exists", [True, False])
def test_refusal_costs_same_without_account(exists):
    hasher = Argon2Hasher(CHEAP)
    hashed = hasher.hash("correct horse") if exists else None
    counted, verify = [], hasher._argon2.verify

    class Counting:
        def verify(self, *given):
            counted.append(given)
            return verify(*given)

    hasher._argon2 = Counting()

    assert not hasher.verify(hashed, NFD).fits
    assert len(counted) == 2


def test_hash_of_other_cost_is_outdated(hasher):
    assert not hasher.verify(hasher.hash("password"), "password").outdated
    assert hasher.verify(Argon2Hasher(HashCost(memory=32, passes=1)).hash("password"), "password").outdated


def test_malformed_hash_fits_nothing(hasher):
    assert not hasher.verify("junk", "junk").fits


def test_hashing_past_limit_is_too_busy():
    hasher = Argon2Hasher(CHEAP, at_once=1, patience=0)
    started, done = Event(), Event()

    def hold():
        with hasher._place():
            started.set()
            done.wait(20)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        started.wait(20)
        with pytest.raises(TooBusy) as busy:
            hasher.hash("password")
        with pytest.raises(TooBusy):
            hasher.verify(None, "password")
        done.set()
        holding.result(20)

    assert busy.value.retry_after == 1
    assert hasher.hash("password")
