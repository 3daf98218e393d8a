import signal
import subprocess
import sys

import pytest
import requests
from testkit.cluster import SERVICES, Cluster, ClusterError, Service, free_ports
from testkit.concurrency import wait_for


@pytest.fixture
def stub(tmp_path):
    """A service of one file, so that the cluster is tested without our services."""
    (tmp_path / "stub_service").mkdir()
    (tmp_path / "stub_service" / "__init__.py").write_text("from stub_service.wsgi import app\n")
    (tmp_path / "stub_service" / "wsgi.py").write_text(
        "import os, sys\n"
        "from flask import Flask\n"
        "if os.environ.get('BROKEN'):\n"
        "    sys.exit('broken on purpose')\n"
        "from service_kit.web import request_validation\n"
        "app = Flask(__name__)\n"
        "app.config.update(THREADS=2, THREADS_AT_ONCE=1)\n"
        "request_validation.init_app(app)\n"
        "app.add_url_rule('/readyz', view_func=lambda: os.environ.get('WORD', 'ready'))\n"
        "app.cli.command('say')(lambda: print(os.environ['DATABASE_URL']))\n"
    )
    (tmp_path / "stub_service" / "asgi.py").write_text(
        "from service_kit.server.asgi import AsgiServer\n"
        "from stub_service.wsgi import app as wsgi\n"
        "app = AsgiServer(wsgi)\n"
    )
    table = {**SERVICES, "stub": Service("stub_service", "STUB", 8090)}
    return {
        "only": {"stub": {"PYTHONPATH": str(tmp_path)}},
        "services": ["stub"],
        "make_keys": False,
        "table": table,
    }


@pytest.fixture
def cluster(stub, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    cluster = Cluster({"DEMO": "0"}, folder=folder, **stub)
    yield cluster
    cluster.stop()


def test_free_ports_differ():
    assert len(set(free_ports(20))) == 20


def test_service_environment_is_its_own(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "of the tests")
    monkeypatch.setenv("UNRELATED", "x")
    cluster = Cluster({"LOG_LEVEL": "DEBUG"}, only={"users-service": {"JWKS_MAX_AGE": "5"}})
    try:
        users, gateway = cluster.environment("users-service"), cluster.environment("gateway")
    finally:
        cluster.stop()
    assert users["DATABASE_URL"] == f"sqlite:///{cluster.folder}/users.db"
    assert users["USERS_PORT"] == str(cluster.ports["users-service"])
    assert gateway["USERS_URL"] == cluster.urls["users-service"]
    assert users["ISSUER"] == cluster.gateway == cluster.issuer
    assert users["LOG_LEVEL"] == gateway["LOG_LEVEL"] == "DEBUG"
    assert users["JWKS_MAX_AGE"] == "5"
    assert users["SNAPSHOTS_DIR"] == f"{cluster.folder}/snapshots/users-service"
    assert not {"DATABASE_URL", "UNRELATED", "JWKS_MAX_AGE"} & set(gateway)


def test_service_can_be_stopped_killed_and_started(cluster):
    with cluster:
        assert cluster.running("stub")
        with pytest.raises(ClusterError, match="already running"):
            cluster.start_service("stub")
        cluster.kill_service("stub")
        assert not cluster.running("stub")
        cluster.start_service("stub", WORD="again")
        assert cluster.environment("stub")["WORD"] == "again"
        assert cluster.stop_service("stub") == 0
        assert not cluster.running("stub")
    assert isinstance(cluster.log("stub"), str)
    assert cluster.log("gateway") == ""


def test_failed_start_shows_output(cluster):
    with pytest.raises(ClusterError, match="broken on purpose"):
        cluster.start_service("stub", BROKEN="1")


def test_failed_cluster_start_cleans_up(stub):
    cluster = Cluster({"BROKEN": "1"}, **stub)
    with pytest.raises(ClusterError):
        cluster.start()
    assert not cluster.running("stub")
    assert not cluster.folder.exists()


def test_never_ready_service_is_named(cluster):
    with pytest.raises(ClusterError, match="gateway is not ready"):
        cluster.wait_ready("gateway", 0.1)


def test_command_runs_in_service_environment(cluster):
    assert cluster.cli("stub", "say").stdout == f"sqlite:///{cluster.folder}/stub.db\n"
    assert cluster.cli("stub", "no-such-command", check=False).returncode == 2
    with pytest.raises(ClusterError, match="No such command"):
        cluster.cli("stub", "no-such-command")


KILLED = """
import os, signal, sys
from testkit.cluster import SERVICES, Cluster, Service
table = {**SERVICES, "stub": Service("stub_service", "STUB", 8090)}
only = {"stub": {"PYTHONPATH": sys.argv[1]}}
cluster = Cluster(only=only, services=["stub"], make_keys=False, table=table).start()
print(cluster.urls["stub"], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_run_ends_services(stub, tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    with requests.Session() as session:
        wait_for(lambda: refused(session, run.stdout.strip()), 15)


def refused(session, url):
    try:
        session.get(f"{url}/readyz", timeout=1)
    except requests.ConnectionError:
        return True
    return False
