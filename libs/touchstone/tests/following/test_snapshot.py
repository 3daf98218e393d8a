"""The copy on disk: what is written when, and what is taken from it."""

import stat

import pytest
from touchstone.following.snapshot import Snapshot


@pytest.fixture
def place(tmp_path):
    return tmp_path / "made when needed" / "jwks"


@pytest.fixture
def snapshot(place, clock):
    return Snapshot(place, max_bytes=10, max_age=3600, now=clock)


def test_there_is_none_at_first(snapshot):
    assert snapshot.load() is None


def test_what_was_kept_is_loaded_with_its_age(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(60)
    assert snapshot.load() == (b"one", 60)


def test_it_is_for_nobody_elses_eyes(snapshot, place):
    snapshot.save(b"one")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_a_confirmation_makes_it_young_again(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(60)
    snapshot.save(None)
    assert snapshot.load() == (b"one", 0)


def test_it_is_written_at_most_every_ten_seconds_and_nothing_is_lost(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(9)
    snapshot.save(b"two")
    assert snapshot.load() == (b"one", 9)
    clock.advance(1)
    snapshot.save(None)
    assert snapshot.load() == (b"two", 0)


@pytest.mark.parametrize("moved", [3601, -3601])
def test_one_that_is_too_old_or_from_the_future_is_not_loaded(snapshot, clock, moved):
    snapshot.save(b"one")
    clock.advance(moved)
    assert snapshot.load() is None


def test_one_that_is_too_large_is_not_loaded(snapshot):
    snapshot.save(b"x" * 11)
    assert snapshot.load() is None


def test_a_disk_that_takes_nothing_is_told_of_once(snapshot, place, clock, caplog):
    place.mkdir(parents=True)
    for document in (b"one", b"two"):
        snapshot.save(document)
        clock.advance(10)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert list(place.parent.iterdir()) == [place]


def test_a_clock_that_is_set_back_stops_no_writing(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(-500)
    snapshot.save(b"two")
    assert snapshot.load() == (b"two", 0)
