"""Windows in memory, against a model that keeps the time of every request."""

from gateway.rate_limits.limit import Limit
from gateway.rate_limits.moving_windows import MovingWindows
from hypothesis import given
from hypothesis import strategies as st

CLIENT = Limit("client", 3, 10)
LOGIN = Limit("login", 2, 4)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 48).map(lambda n: n / 4),
        st.sampled_from("ab"),
        st.sampled_from(["client", "login", "both"]),
    ),
    max_size=60,
)
OF = {"client": [CLIENT], "login": [LOGIN], "both": [CLIENT, LOGIN]}


def windows_at(now, **bounds):
    return MovingWindows(lambda: now[0], **bounds)


@given(STEPS)
def test_windows_agree_with_model(steps):
    now = [1000.0]
    windows, accepted = windows_at(now), {}
    for seconds, key, which in steps:
        now[0] += seconds
        inside = {
            limit: [t for t in accepted.get((limit, key), []) if t >= now[0] - limit.period]
            for limit in OF[which]
        }

        allowed, found = windows.hit([(limit, key) for limit in OF[which]])

        assert allowed == all(len(inside[limit]) < limit.amount for limit in OF[which])
        for limit in OF[which]:
            if allowed:
                accepted.setdefault((limit, key), []).append(now[0])
                inside[limit].append(now[0])
        expected = [
            (limit, len(inside[limit]), (inside[limit] or now)[0] + limit.period - now[0])
            for limit in OF[which]
        ]
        assert found == expected


@given(st.lists(st.integers(0, 40).map(lambda n: n / 8), max_size=80))
def test_no_window_has_more_than_its_limit(pauses):
    now = [0.0]
    windows, accepted = windows_at(now), []
    for seconds in pauses:
        now[0] += seconds
        allowed, ((_, used, wait),) = windows.hit([(CLIENT, "a")])
        if allowed:
            accepted.append(now[0])
        else:
            assert used == 3
            now[0] += wait + 0.001
            assert windows.hit([(CLIENT, "a")])[0]
            accepted.append(now[0])

    assert all(later - first > 10 for first, later in zip(accepted, accepted[3:], strict=False))


def test_windows_drop_the_key_unused_longest():
    now = [0.0]
    windows = windows_at(now, max_keys=10)
    one = Limit("client", 1, 60)
    windows.hit([(one, "first")])
    for number in range(9):
        windows.hit([(one, str(number))])

    again = windows.hit([(one, "first")])[0]
    windows.hit([(one, "one more")])

    assert not again
    assert not windows.hit([(one, "first")])[0]
    assert windows.hit([(one, "0")])[0]


def test_windows_keep_a_bounded_number_of_times():
    now = [0.0]
    windows = windows_at(now, max_times=100)
    for number in range(50):
        for _ in range(3):
            windows.hit([(CLIENT, str(number))])

    assert not windows.hit([(CLIENT, "49")])[0]
    assert windows.hit([(CLIENT, "0")])[0]


def test_limits_do_not_drop_windows_of_others():
    windows = windows_at([0.0], max_keys=2)
    windows.hit([(Limit("login", 1, 60), "a")])
    login = Limit("login", 1, 60)
    windows.hit([(login, "a")])
    for number in range(9):
        windows.hit([(CLIENT, str(number))])

    assert not windows.hit([(login, "a")])[0]
