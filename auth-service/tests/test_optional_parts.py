"""An installation may leave out security events, and python-pkcs11: the service starts without either."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import auth_service
import pytest

SOURCE = Path(auth_service.__file__).parent
START = """
import json, sys
from pathlib import Path
sys.modules["pkcs11"] = None  # an import of it fails
import auth_service
from auth_service.app import create_app
from auth_service.settings import Settings

assert str(Path(auth_service.__file__).parent) == sys.argv[1]
app = create_app(Settings(database_url=sys.argv[2], keys_dir=sys.argv[3], demo=True))
client = app.test_client()
login = client.post("/login", json={"email": "alice@example.com", "password": "correct-horse-battery-staple"})
token = login.get_json()["access_token"]
logout = client.post("/logout", headers={"Authorization": f"Bearer {token}"})
for job in app.extensions["jobs"].values():
    job.stop()
parts = {"routes": sorted(map(str, app.url_map.iter_rules())), "commands": sorted(app.cli.commands)}
print(json.dumps(parts | {"logout": logout.status_code}))
"""


@pytest.fixture
def start(sqlite_file, keys_dir):
    """`start(folder)`: start the service from this folder in a process without python-pkcs11, log in and log out."""

    def start(folder):
        arguments = [str(folder / "auth_service"), f"sqlite:///{sqlite_file}", str(keys_dir)]
        done = subprocess.run(
            [sys.executable, "-c", START, *arguments],
            env={"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return start


def test_service_without_pkcs11_package_starts(start):
    started = start(SOURCE.parent)

    assert started["logout"] == 204
    assert "/ssf/streams" in started["routes"]
    assert "signals" in started["commands"]


def test_service_without_security_events_starts(start, tmp_path):
    shutil.copytree(
        SOURCE, tmp_path / "auth_service", ignore=shutil.ignore_patterns("security_events*", "__pycache__")
    )

    started = start(tmp_path)

    assert started["logout"] == 204
    assert [route for route in started["routes"] if "ssf" in route or "signal" in route] == []
    assert "signals" not in started["commands"]
