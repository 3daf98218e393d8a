"""`make run` when something is wrong: a setting, a port, a service, or its own end. Runs in a checkout of its own."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from testkit.cluster import SERVICES, free_ports
from testkit.concurrency import wait_for

from tools.log_files import LogFiles

from .checkout import make_checkout

KEPT = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


@pytest.fixture
def ports():
    free = free_ports(len(SERVICES))
    return {each.port_setting: str(port) for each, port in zip(SERVICES.values(), free, strict=True)}


@pytest.fixture
def run(tmp_path, ports):
    """`run(**settings)`: tools/run.py as a process, with its output as a pipe."""
    make_checkout(tmp_path)
    started = []

    def start(**settings):
        command = [sys.executable, "tools/run.py"]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=KEPT | ports | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def test_run_with_bad_ports_names_every_fault(run):
    process = run(AUTH_PORT="0", USERS_PORT="x", ORDERS_PORT="9999", GATEWAY_PORT="9999")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output.splitlines() == [
        "error: AUTH_PORT=0 is not a port number (1 to 65535)",
        "error: USERS_PORT=x is not a port number (1 to 65535)",
        "error: ORDERS_PORT and GATEWAY_PORT are both 9999",
    ]


def test_folder_without_upstream_is_named(run, tmp_path):
    (tmp_path / "fifth-service").mkdir()
    (tmp_path / "fifth-service" / "pyproject.toml").touch()
    process = run()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output.startswith("error: fifth-service/ has no row [upstreams.fifth-service] in ")


def test_run_with_taken_port_suggests_another(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = run(USERS_PORT=str(port))
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"port {port} for users-service is taken" in output
    assert f"USERS_PORT={port % 50000 + 10000} make run" in output


def test_run_with_failing_service_shows_its_last_lines(run, ports):
    process = run(ACCESS_TOKEN_TTL="soon")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: auth-service ended with code " in output
    assert "ACCESS_TOKEN_TTL: input should be a valid integer" in output
    assert not any(map(is_open, ports.values()))


def test_killed_run_leaves_no_service(run, ports):
    process = run()
    assert any("Ctrl-C stops all" in line for line in process.stdout)
    process.kill()
    wait_for(lambda: not any(map(is_open, ports.values())), 30)


def test_log_lines_are_whole_and_new(tmp_path):
    (tmp_path / "a.log").write_text("of the last start\n")
    logs = LogFiles(tmp_path, ["a"])
    with logs.paths["a"].open("a") as log:
        print("one\ntwo", end="", file=log, flush=True)
        assert list(logs.new_lines()) == [("a", "one")]
        print(" and a half", file=log, flush=True)
    assert list(logs.new_lines()) == [("a", "two and a half")]
    assert list(logs.last_lines("a")) == ["one", "two and a half"]
    assert (tmp_path / "a.log.1").read_text() == "of the last start\n"


def write_whole(file, value):
    """Replace a file at once, as the gateway does: the runner reads it all the time."""
    written = file.with_suffix(".new")
    written.write_text(json.dumps(value))
    written.replace(file)


def test_service_stopped_by_the_file_starts_again(run, ports, tmp_path):
    """The file is the gateway's to write: a name in `stopped` ends that service and no other, until it is taken out."""
    file = tmp_path / "var" / "stopped-services.json"
    process = run()
    assert any("Ctrl-C stops all" in line for line in process.stdout)
    said = json.loads(file.read_text())
    assert said == {"can_stop": ["auth-service"], "stopped": []}

    write_whole(file, said | {"stopped": ["auth-service", "users-service"]})
    wait_for(lambda: not is_open(ports["AUTH_PORT"]), 30)
    assert is_open(ports["USERS_PORT"])
    assert process.poll() is None

    write_whole(file, said)
    assert any(line.startswith("  auth-service: ready") for line in process.stdout)
    process.kill()
    wait_for(lambda: not any(map(is_open, ports.values())), 30)


def test_run_without_demo_stops_no_service(run, tmp_path):
    process = run(DEMO="0")
    assert any("Ctrl-C stops all" in line for line in process.stdout)
    assert not (tmp_path / "var" / "stopped-services.json").exists()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
