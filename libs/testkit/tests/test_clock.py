from testkit.clock import FakeClock


def test_clock_moves_only_by_advance():
    clock = FakeClock(100)
    assert (clock(), clock()) == (100, 100)
    assert clock.advance(-10) == 90
    clock.sleep(5)
    clock.sleep(-5)
    assert clock() == 95
    assert FakeClock()() > 1_700_000_000
