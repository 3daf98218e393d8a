"""Signals that end a process."""

import subprocess
import sys
import threading

import pytest
from service_kit.server.shutdown import stopping

SERVER = """
import signal, sys, threading
from service_kit.server.shutdown import stopping
handled = threading.Event()
signal.signal(signal.{name}, lambda *_: handled.set())
event = stopping()
print("ready", flush=True)
print(event.wait(20), handled.wait(20))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_sets_event_and_calls_handler(name):
    import signal

    with subprocess.Popen(
        [sys.executable, "-c", SERVER.format(name=name)], stdout=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout.readline() == "ready\n"
        it.send_signal(getattr(signal, name))
        assert it.stdout.read() == "True True\n"
    assert it.returncode == 0


def test_event_is_never_set_outside_main_thread():
    found = []
    stopping.cache_clear()
    thread = threading.Thread(target=lambda: found.append(stopping()))
    thread.start()
    thread.join()
    stopping.cache_clear()
    assert not found[0].is_set()


DRAINING = """
import asyncio, signal, time
from service_kit.server.shutdown import draining, listen_again
check = draining()
async def main():
    handled = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, handled.set)
    listen_again(600)
    print(check(), flush=True)
    while check() is None:
        await asyncio.sleep(0.01)
    print(check(), handled.is_set(), flush=True)
    await handled.wait()
asyncio.run(main())
"""


def test_sigterm_is_delayed_and_sigint_is_not():
    import signal

    with subprocess.Popen([sys.executable, "-c", DRAINING], stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout.readline() == "None\n"
        it.send_signal(signal.SIGTERM)
        assert it.stdout.readline() == "the service is shutting down False\n"
        it.send_signal(signal.SIGINT)
        assert it.wait(20) == 0
