"""The watcher, turn by turn: when it looks, when it wakes, and what it does while the database is away."""

from dataclasses import dataclass, field

import pytest
from auth_service.background.change_watcher import (
    BREATH,
    LONGEST_PAUSE,
    LOOK_EVERY,
    READ_EVERY,
    ChangeWatcher,
)
from structlog.testing import capture_logs
from testkit.clock import FakeClock


@dataclass
class FakeBell:
    """Rings as it is told; a turn without a ring takes a moment, and one that raises none."""

    ticks: FakeClock
    rings: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    closed: bool = False

    def wait(self, seconds):
        self.calls.append(self.ticks())
        what = self.rings.pop(0) if self.rings else False
        if isinstance(what, Exception):
            raise what
        if not what:
            self.ticks.advance(0.02)
        return what

    def close(self):
        self.closed = True


@dataclass
class FakePublished:
    """Counts when it was refreshed; what is published is what a test says."""

    ticks: FakeClock
    published: str = "first"
    refreshed: list = field(default_factory=list)
    fault: Exception | None = None

    def refresh(self):
        if self.fault:
            raise self.fault
        self.refreshed.append(round(self.ticks(), 3))

    def version(self):
        return self.published


@dataclass
class Watch:
    ticks: FakeClock = field(default_factory=lambda: FakeClock(1000))
    woken: list = field(default_factory=list)

    def __post_init__(self):
        self.bell, self.published = FakeBell(self.ticks), FakePublished(self.ticks)
        self.watcher = ChangeWatcher(
            self.bell,
            lambda: self.woken.append(self.ticks()),
            self.published,
            ticks=self.ticks,
            pause=self.ticks.sleep,
        )

    def settle(self):
        """Take the first turn, which reads in any case."""
        self.watcher.turn()
        self.ticks.advance(BREATH)
        self.woken.clear()
        self.published.refreshed.clear()
        return self

    def turns_for(self, seconds):
        end = self.ticks() + seconds
        while self.ticks() < end:
            self.watcher.turn()


@pytest.fixture
def watch():
    return Watch().settle()


def test_the_first_turn_reads_though_nothing_has_rung():
    watch = Watch()

    watch.watcher.turn()

    assert len(watch.published.refreshed) == 1


def test_a_ring_is_followed_by_a_read_at_once_and_a_change_wakes(watch):
    watch.bell.rings, watch.published.published = [True], "second"

    watch.watcher.turn()

    assert (watch.published.refreshed, watch.woken) == ([watch.ticks()], [watch.ticks()])


def test_a_ring_that_changed_nothing_that_is_published_wakes_nobody(watch):
    watch.bell.rings = [True]

    watch.watcher.turn()

    assert (len(watch.published.refreshed), watch.woken) == (1, [])


def test_many_changes_are_read_together_the_first_at_once(watch):
    watch.bell.rings, began = [True] * 1000, watch.ticks()

    watch.turns_for(1)

    assert watch.published.refreshed[0] == began
    assert len(watch.published.refreshed) == pytest.approx(1 / BREATH, abs=2)


def test_what_changes_by_the_clock_wakes_though_nothing_rings(watch):
    watch.published.published = "second"

    watch.turns_for(LOOK_EVERY + 0.05)

    assert len(watch.woken) == 1


def test_the_database_is_read_every_so_often_though_nothing_rings(watch):
    watch.turns_for(10)

    assert len(watch.published.refreshed) == pytest.approx(10 / READ_EVERY, abs=1)


def test_a_bell_that_is_away_is_tried_again_with_growing_pauses_and_said_once(watch):
    watch.bell.rings = [OSError("refused")] * 1000

    with capture_logs() as log:
        watch.turns_for(60)

    assert [entry["event"] for entry in log] == ["the database's notifications cannot be reached"]
    assert 60 / LONGEST_PAUSE - 1 <= len(watch.bell.calls) <= 60 / LONGEST_PAUSE + 10
    assert watch.bell.calls[1] - watch.bell.calls[0] < 0.5


def test_without_a_bell_the_database_is_read_every_so_often(watch):
    watch.bell.rings = [OSError("refused")] * 1000

    watch.turns_for(60)

    assert len(watch.published.refreshed) == pytest.approx(60 / READ_EVERY, rel=0.3)


def test_a_database_that_cannot_be_read_is_tried_again_with_growing_pauses_and_said_once(watch):
    watch.published.fault = OSError("gone")

    with capture_logs() as log:
        watch.turns_for(60)
        watch.published.fault = None
        watch.turns_for(LONGEST_PAUSE + 0.1)

    assert [entry["event"] for entry in log] == [
        "the database cannot be reached",
        "the database can be reached again",
    ]


def test_keys_are_looked_at_while_the_database_is_away(watch):
    watch.bell.rings, watch.published.fault = [OSError("refused")] * 1000, OSError("gone")
    watch.turns_for(10)
    watch.published.published = "second"

    watch.turns_for(LOOK_EVERY + 0.05)

    assert len(watch.woken) == 1


def test_what_changed_meanwhile_is_read_once_the_bell_is_back(watch):
    watch.bell.rings = [OSError("refused")] * 5 + [True]
    watch.turns_for(5)
    watch.published.published = "second"

    with capture_logs() as log:
        watch.turns_for(LONGEST_PAUSE + 0.1)

    assert watch.published.refreshed
    assert len(watch.woken) == 1
    assert [entry["event"] for entry in log] == ["the database's notifications can be reached again"]


def test_a_ring_is_not_forgotten_when_the_read_after_it_fails(watch):
    watch.bell.rings, watch.published.fault = [True], OSError("gone")
    watch.watcher.turn()
    watch.published.fault, watch.published.published = None, "second"

    watch.turns_for(0.5)

    assert len(watch.published.refreshed) == 1
    assert len(watch.woken) == 1


def test_its_thread_starts_when_it_is_put_to_use_and_ends_with_the_bell_closed(watch):
    watch.watcher.ensure()
    watch.watcher.stop()

    assert watch.bell.calls
    assert watch.bell.closed
