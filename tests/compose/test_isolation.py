"""The isolation of the containers, by their configuration and by attempts."""

import pytest
from testkit.cluster import SERVICES

RUNNING = [*SERVICES, "postgres"]
VERIFIERS = [name for name in SERVICES if name != "auth-service"]
DATABASES = {name: service.settings.lower() for name, service in SERVICES.items() if service.database}
CONNECT = """
import pathlib, sys, psycopg
url = pathlib.Path("/run/secrets/database_url").read_text()
psycopg.connect(url.rsplit("/", 1)[0] + "/" + sys.argv[1], connect_timeout=5).execute("SELECT 1")
"""
REACH = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
"""


def test_every_container_is_healthy(compose):
    states = {
        each["Config"]["Labels"]["com.docker.compose.service"]: each["State"] for each in compose.inspect()
    }
    assert {name: state["Health"]["Status"] for name, state in states.items()} == dict.fromkeys(
        RUNNING, "healthy"
    )


def test_only_gateway_is_published_on_loopback(compose):
    published = {
        (each["Config"]["Labels"]["com.docker.compose.service"], bound["HostIp"])
        for each in compose.inspect()
        for bindings in each["NetworkSettings"]["Ports"].values()
        for bound in bindings or []
    }
    assert published == {("gateway", "127.0.0.1")}


@pytest.mark.parametrize("service", RUNNING)
def test_container_has_no_privileges(compose, service):
    for container in compose.inspect(service):
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert not host["Privileged"]
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
        assert host["Init"]


@pytest.mark.parametrize("service", RUNNING)
def test_container_has_limits_and_restarts(compose, service):
    for container in compose.inspect(service):
        host = container["HostConfig"]
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        assert host["PidsLimit"] > 0
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"]["max-size"]


@pytest.mark.parametrize("service", RUNNING)
def test_process_runs_unprivileged(compose, service):
    status = compose.inside(service, "cat", "/proc/1/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


@pytest.mark.parametrize("service", RUNNING)
@pytest.mark.parametrize("place", ["/", "/etc", "/opt/venv", "/run/secrets"])
def test_file_system_is_read_only(compose, service, place):
    assert compose.inside(service, "touch", f"{place}/mark", check=False).returncode != 0


@pytest.mark.parametrize("service", [*VERIFIERS, "postgres"])
def test_other_services_have_no_signing_key(compose, service):
    assert not [
        mount for each in compose.inspect(service) for mount in each["Mounts"] if "signing" in mount["Name"]
    ]
    assert not compose.inside(service, "sh", "-c", "ls -A /keys/signing 2>/dev/null", check=False).stdout


def test_auth_service_has_only_public_client_keys(compose):
    assert ".pem" in compose.inside("auth-service", "ls", "/keys/signing").stdout
    names = compose.inside("auth-service", "ls", "/keys/clients").stdout.split()
    assert names
    assert all(name.endswith(".pub.pem") for name in names)


def test_client_key_is_mounted_in_its_client_only(compose):
    assert compose.inside("orders-service", "ls", "-A", "/keys/clients").stdout.split() == [
        "orders-service.pem"
    ]
    for service in ("users-service", "gateway"):
        assert not compose.inside(service, "sh", "-c", "find /keys /out -type f").stdout


@pytest.mark.parametrize("service", SERVICES)
def test_service_has_only_its_own_secret(compose, service):
    seen = compose.inside(service, "sh", "-c", "ls -A /run/secrets 2>/dev/null", check=False).stdout.split()
    assert seen == ["database_url" if service in DATABASES else "bff_keys"]


@pytest.mark.parametrize("service", VERIFIERS)
def test_snapshots_are_private_to_verifier(compose, service):
    (volume,) = [
        mount
        for each in compose.inspect(service)
        for mount in each["Mounts"]
        if mount["Destination"] == "/snapshots"
    ]
    assert volume["Name"].endswith(f"{service.removesuffix('-service')}-snapshots")
    modes = compose.inside(service, "sh", "-c", "find /snapshots -printf '%U %m\n'").stdout.splitlines()
    assert modes[0] == "10001 700"
    assert set(modes[1:]) <= {"10001 600"}


@pytest.mark.parametrize("service", RUNNING)
def test_environment_holds_no_secret(compose, service):
    for container in compose.inspect(service):
        assert not [each for each in container["Config"]["Env"] if "postgresql://" in each]
        assert not [each for each in container["Config"]["Env"] if each.startswith("POSTGRES_PASSWORD=")]


@pytest.mark.parametrize("service", DATABASES)
def test_database_role_reaches_own_database(compose, service):
    done = compose.python(service, CONNECT, DATABASES[service])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", DATABASES)
@pytest.mark.parametrize("database", [*DATABASES.values(), "postgres", "template1"])
def test_database_role_reaches_no_other(compose, service, database):
    if DATABASES[service] != database:
        done = compose.python(service, CONNECT, database)
        assert "permission denied for database" in done.stderr


def test_gateway_cannot_reach_postgres(compose):
    assert compose.python("gateway", REACH, "postgres", "5432").returncode != 0


def test_gateway_reaches_services(compose):
    assert compose.python("gateway", REACH, "orders-service", "8083").returncode == 0
