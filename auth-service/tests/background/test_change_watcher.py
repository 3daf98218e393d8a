"""The change watcher step by step: when it reads, when it wakes waiters, and how it bears a database outage."""

from dataclasses import dataclass, field

import pytest
from auth_service.background.change_watcher import (
    LOOK_EVERY,
    MAX_RETRY_DELAY,
    MIN_READ_INTERVAL,
    READ_EVERY,
    ChangeWatcher,
)
from structlog.testing import capture_logs
from testkit.clock import FakeClock


@dataclass
class FakeNotifications:
    """Yields the given results in order; a wait without one takes 20 ms of the fake clock."""

    ticks: FakeClock
    results: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    closed: bool = False

    def wait(self, seconds):
        self.calls.append(self.ticks())
        result = self.results.pop(0) if self.results else False
        if isinstance(result, Exception):
            raise result
        if not result:
            self.ticks.advance(0.02)
        return result

    def close(self):
        self.closed = True


@dataclass
class FakePublished:
    """Records when it was refreshed; its version is what a test has set."""

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
        self.notifications, self.published = FakeNotifications(self.ticks), FakePublished(self.ticks)
        self.watcher = ChangeWatcher(
            self.notifications,
            lambda: self.woken.append(self.ticks()),
            self.published,
            ticks=self.ticks,
            pause=self.ticks.sleep,
        )

    def settle(self):
        """Take the first step, which reads in any case."""
        self.watcher.run_once()
        self.ticks.advance(MIN_READ_INTERVAL)
        self.woken.clear()
        self.published.refreshed.clear()
        return self

    def run_for(self, seconds):
        end = self.ticks() + seconds
        while self.ticks() < end:
            self.watcher.run_once()


@pytest.fixture
def watch():
    return Watch().settle()


def test_first_step_reads_unnotified():
    watch = Watch()

    watch.watcher.run_once()

    assert len(watch.published.refreshed) == 1


def test_notification_causes_read_and_wakes(watch):
    watch.notifications.results, watch.published.published = [True], "second"

    watch.watcher.run_once()

    assert (watch.published.refreshed, watch.woken) == ([watch.ticks()], [watch.ticks()])


def test_unchanged_documents_wake_no_waiter(watch):
    watch.notifications.results = [True]

    watch.watcher.run_once()

    assert (len(watch.published.refreshed), watch.woken) == (1, [])


def test_many_notifications_share_reads(watch):
    watch.notifications.results, began = [True] * 1000, watch.ticks()

    watch.run_for(1)

    assert watch.published.refreshed[0] == began
    assert len(watch.published.refreshed) == pytest.approx(1 / MIN_READ_INTERVAL, abs=2)


def test_change_by_clock_wakes_waiters(watch):
    watch.published.published = "second"

    watch.run_for(LOOK_EVERY + 0.05)

    assert len(watch.woken) == 1


def test_database_is_read_unnotified(watch):
    watch.run_for(10)

    assert len(watch.published.refreshed) == pytest.approx(10 / READ_EVERY, abs=1)


def test_lost_notifications_are_retried(watch):
    watch.notifications.results = [OSError("refused")] * 1000

    with capture_logs() as log:
        watch.run_for(60)

    assert [entry["event"] for entry in log] == ["the database's notifications cannot be reached"]
    assert 60 / MAX_RETRY_DELAY - 1 <= len(watch.notifications.calls) <= 60 / MAX_RETRY_DELAY + 10
    assert watch.notifications.calls[1] - watch.notifications.calls[0] < 0.5


def test_lost_notifications_leave_reads(watch):
    watch.notifications.results = [OSError("refused")] * 1000

    watch.run_for(60)

    assert len(watch.published.refreshed) == pytest.approx(60 / READ_EVERY, rel=0.3)


def test_database_outage_is_logged_once(watch):
    watch.published.fault = OSError("gone")

    with capture_logs() as log:
        watch.run_for(60)
        watch.published.fault = None
        watch.run_for(MAX_RETRY_DELAY + 0.1)

    assert [entry["event"] for entry in log] == [
        "the database cannot be reached",
        "the database can be reached again",
    ]


def test_database_outage_leaves_key_checks(watch):
    watch.notifications.results, watch.published.fault = [OSError("refused")] * 1000, OSError("gone")
    watch.run_for(10)
    watch.published.published = "second"

    watch.run_for(LOOK_EVERY + 0.05)

    assert len(watch.woken) == 1


def test_reconnect_reads_missed_changes(watch):
    watch.notifications.results = [OSError("refused")] * 5 + [True]
    watch.run_for(5)
    watch.published.published = "second"

    with capture_logs() as log:
        watch.run_for(MAX_RETRY_DELAY + 0.1)

    assert watch.published.refreshed
    assert len(watch.woken) == 1
    assert [entry["event"] for entry in log] == ["the database's notifications can be reached again"]


def test_notification_survives_failed_read(watch):
    watch.notifications.results, watch.published.fault = [True], OSError("gone")
    watch.watcher.run_once()
    watch.published.fault, watch.published.published = None, "second"

    watch.run_for(0.5)

    assert len(watch.published.refreshed) == 1
    assert len(watch.woken) == 1


def test_stop_closes_notifications(watch):
    watch.watcher.ensure()
    watch.watcher.stop()

    assert watch.notifications.calls
    assert watch.notifications.closed
