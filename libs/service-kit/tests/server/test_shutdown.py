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
