"""Scheduled rotation of the signing keys."""

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.signing_keys import KeyTimes
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.pem_folder import KeyFolder
from auth_service.use_cases.admin.key_rotation import ScheduledKeyRotation

INTERVAL = 10_000
SESSION = 50_000


@pytest.fixture
def key_ring(tmp_path, clock):
    times = KeyTimes.of(jwks_max_age=60, access_ttl=300)
    return KeyRing(KeyFolder(tmp_path / "signing"), times, clock)


@pytest.fixture
def rotate(memory, key_ring, clock):
    return ScheduledKeyRotation(memory, key_ring, INTERVAL, clock, SESSION)


def events(memory):
    return [
        (each.event, each.actor, each.detail)
        for each in reversed(memory.audit.list_newest(AuditQuery(), 100))
    ]


def kids(key_ring):
    return [status.kid for status in key_ring.statuses()]


def test_young_key_is_not_rotated(rotate, key_ring, clock, memory):
    before = kids(key_ring)
    clock.advance(INTERVAL - 1)

    assert rotate() is False

    assert (kids(key_ring), events(memory)) == (before, [])


def test_old_key_is_rotated_and_audited_once(rotate, key_ring, clock, memory):
    (first,) = kids(key_ring)
    clock.advance(INTERVAL)

    assert [rotate(), rotate()] == [True, False]

    (_, second) = kids(key_ring)
    assert kids(key_ring) == [first, second]
    assert events(memory) == [("key_rotated", "schedule", {"kid": second})]


def test_unneeded_key_is_removed(rotate, key_ring, clock, memory):
    (first,) = kids(key_ring)
    clock.advance(INTERVAL)
    rotate()
    clock.advance(120 + 390)

    assert rotate() is True

    assert first not in kids(key_ring)
    assert memory.hint_keys.get(first).keep_until == 1_800_000_000 + INTERVAL + 120 + SESSION
    assert events(memory)[-1] == ("keys_pruned", "schedule", {"kids": [first]})


def test_rotation_keeps_at_most_two_keys(rotate, key_ring, clock, memory):
    for _ in range(60):
        clock.advance(INTERVAL / 10)
        rotate()
        assert len(kids(key_ring)) <= 2

    assert len([event for event, *_ in events(memory) if event == "key_rotated"]) == 6


def test_unrecordable_rotation_is_not_begun(key_ring, clock):
    class Broken:
        def transaction(self):
            raise ConnectionError

    before = kids(key_ring)
    clock.advance(INTERVAL)

    with pytest.raises(ConnectionError):
        ScheduledKeyRotation(Broken(), key_ring, INTERVAL, clock, SESSION)()
    assert kids(key_ring) == before


def test_key_of_other_process_is_enough(rotate, key_ring, clock, memory, tmp_path):
    clock.advance(INTERVAL)

    class Late:
        """A key ring that another process rotates before this one takes the lock."""

        statuses, former, prune = map(staticmethod, (key_ring.statuses, key_ring.former, key_ring.prune))

        def rotate_if_older(self, seconds):
            key_ring.rotate()
            return key_ring.rotate_if_older(seconds)

    ScheduledKeyRotation(memory, Late(), INTERVAL, clock, SESSION)()

    assert (len(kids(key_ring)), events(memory)) == (2, [])
