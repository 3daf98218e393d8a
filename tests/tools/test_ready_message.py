"""The message of `make run`: the addresses to open are the issuer's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRINT = "from ready_message import *; import cluster_settings as c; print(ready_message(c.read_settings(os.environ)[0], '1 s'))"


@pytest.fixture
def printed():
    """`printed(**settings)`: the whole message, for these settings."""

    def run(**settings):
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
        done = subprocess.run(
            [sys.executable, "-c", PRINT],
            cwd=ROOT / "tools",
            env=kept | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [
        ({}, "http://localhost:8080"),
        ({"GATEWAY_PORT": "9090"}, "http://localhost:9090"),
        ({"ISSUER": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        ({"ISSUER": "https://id.example.com", "DEMO": "0"}, "https://id.example.com"),
    ],
)
def test_printed_addresses_are_the_issuers(printed, settings, issuer):
    said = printed(**settings)
    (opened,) = re.findall(r"^  Open (\S+) in a browser", said, re.MULTILINE)

    assert opened == issuer
    assert f"{issuer}/docs" in said
    assert "8081" in said


def test_demo_says_how_to_begin(printed):
    said = printed()
    assert "alice@example.com" in said
    assert "correct-horse-battery-staple" in said
    assert said.index("Open http://localhost:8080") < said.index("Log in as") < said.index("services")
    assert len(said.splitlines()) < 20


def test_issuer_elsewhere_adds_gateways_own_address(printed):
    assert "(the gateway listens at http://127.0.0.1:8080)" in printed(
        ISSUER="https://id.example.com", DEMO="0"
    )
