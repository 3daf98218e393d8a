"""Snapshots: when the file is written, and when it is loaded."""

import stat

import pytest
from touchstone.following.snapshot import Snapshot


@pytest.fixture
def place(tmp_path):
    return tmp_path / "made when needed" / "jwks"


@pytest.fixture
def snapshot(place, clock):
    return Snapshot(place, max_bytes=10, max_age=3600, now=clock)


def test_missing_file_is_no_snapshot(snapshot):
    assert snapshot.load() is None


def test_saved_document_is_loaded_with_age(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(60)
    assert snapshot.load() == (b"one", 60)


def test_file_is_private(snapshot, place):
    snapshot.save(b"one")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_confirmation_renews_file(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(60)
    snapshot.save(None)
    assert snapshot.load() == (b"one", 0)


def test_file_is_written_every_10_seconds_at_most(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(9)
    snapshot.save(b"two")
    assert snapshot.load() == (b"one", 9)
    clock.advance(1)
    snapshot.save(None)
    assert snapshot.load() == (b"two", 0)


@pytest.mark.parametrize("moved", [3601, -3601])
def test_old_or_future_file_is_ignored(snapshot, clock, moved):
    snapshot.save(b"one")
    clock.advance(moved)
    assert snapshot.load() is None


def test_large_file_is_ignored(snapshot):
    snapshot.save(b"x" * 11)
    assert snapshot.load() is None


def test_write_failure_is_logged_once(snapshot, place, clock, caplog):
    place.mkdir(parents=True)
    for document in (b"one", b"two"):
        snapshot.save(document)
        clock.advance(10)
    written = [record.levelname for record in caplog.records if str(place) in record.getMessage()]
    assert written == ["WARNING"]
    assert list(place.parent.iterdir()) == [place]


def test_clock_set_back_keeps_writing(snapshot, clock):
    snapshot.save(b"one")
    clock.advance(-500)
    snapshot.save(b"two")
    assert snapshot.load() == (b"two", 0)
