"""The receiver of docs/security-events.md does what the page promises."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from testkit.concurrency import wait_for

PAGE = Path(__file__).parents[2] / "docs" / "security-events.md"


@pytest.fixture
def program(auth_cluster, tmp_path):
    """The page's program, running; `program()` returns its output."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "receiver.py").write_text(code)
    key = auth_cluster.keys_dir / "clients" / "signals-receiver.pem"
    with (tmp_path / "output").open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "receiver.py"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "ISSUER": auth_cluster.issuer, "CLIENT_KEY": str(key)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield (tmp_path / "output").read_text
    running.kill()
    running.wait(10)


def test_receiver_of_the_page_prints_logout(program, subscriber, log_out):
    wait_for(lambda: subscriber("GET", "/ssf/streams").json() or program(), what="the program's stream")
    (stream,) = subscriber("GET", "/ssf/streams").json()

    sid = log_out()["sid"]

    wait_for(lambda: sid in program(), what=f"a line about {sid}")
    assert "session-revoked" in program()
    subscriber.unsubscribe(stream)
