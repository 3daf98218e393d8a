"""Calls from several threads, and waiting for their effects."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

TIMEOUT_SECONDS = 120.0  # on a busy machine, for what must happen and has no promise of its own


def wait_for(condition: Callable[[], Any], timeout: float = TIMEOUT_SECONDS, what: str = "it") -> Any:
    """Call `condition` until its result is true and return that; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {timeout:g} s"
        time.sleep(0.02)
    return result


def at_once(count: int, call: Callable[[], Any]) -> list[Any]:
    """Return the results of `count` calls that start together, one thread each."""
    with ThreadPoolExecutor(count) as pool:
        return [each.result() for each in [pool.submit(call) for _ in range(count)]]


@contextmanager
def repeated(call: Callable[[], Any], threads: int = 1) -> Iterator[None]:
    """Call `call` over and over in `threads` threads during the block; an exception of `call` is raised at its end."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            call()

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(run) for _ in range(threads)]
        try:
            yield
        finally:
            stop.set()
    for each in running:
        each.result()
