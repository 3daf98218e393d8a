"""Calls that start together."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from auth_service.domain.oauth.errors import AuthorizationPending, InvalidClient, InvalidGrant, SlowDown


def at_once(count, work):
    """Return the result or refusal of `work(number)` for each number, all called together."""
    start = Barrier(count)

    def run(number):
        start.wait(20)
        try:
            return work(number)
        except (AuthorizationPending, InvalidGrant, InvalidClient, SlowDown) as refused:
            return refused

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
