"""A verifier that starts during an outage of its issuer: from its last snapshot, or not ready."""

import pytest
import requests
from testkit.concurrency import wait_for

GOOD, REVOKED = 1, 2
STALE_AFTER_SECONDS = 12 * 3600


@pytest.fixture
def snapshots(tmp_path):
    return tmp_path / "snapshots"


@pytest.fixture
def stopped_issuer(issuer, snapshots):
    """An issuer that has stopped after a verifier saved snapshots with a revocation."""
    snapshots.mkdir(mode=0o700)
    issuer.server.revoke(REVOKED)
    api = issuer.api(snapshots=snapshots)
    wait_for(lambda: api(issuer.token(GOOD)).status_code == 200)
    wait_for(lambda: len(list(snapshots.iterdir())) == 2, what="a snapshot of the keys and one of the list")
    api.issuer.close()
    issuer.stop()
    return issuer


def test_verifier_starts_from_snapshot(stopped_issuer, snapshots, problem):
    api = stopped_issuer.api(snapshots=snapshots)

    assert api(stopped_issuer.token(GOOD)).status_code == 200
    assert problem(api(stopped_issuer.token(REVOKED))) == (401, "revoked_token")
    assert api.issuer.ready()


def test_snapshot_is_not_fresh(stopped_issuer, snapshots, problem):
    api = stopped_issuer.api(snapshots=snapshots)

    assert problem(api(stopped_issuer.token(GOOD), "/sensitive")) == (503, "unconfirmed")


def test_verifier_without_snapshot_is_not_ready(stopped_issuer, retry_later):
    api = stopped_issuer.api()

    assert retry_later(api(stopped_issuer.token(GOOD)))
    assert not api.issuer.ready()

    stopped_issuer.start()
    wait_for(lambda: api(stopped_issuer.token(GOOD)).status_code == 200, what="the start")
    assert api.issuer.ready()


def test_snapshot_files_are_private(stopped_issuer, snapshots):
    assert {file.stat().st_mode & 0o777 for file in snapshots.iterdir()} == {0o600}


def cut(raw):
    return raw[: len(raw) // 2]


def emptied(raw):
    return b""


def reversed_bytes(raw):
    return raw[::-1]


@pytest.mark.parametrize("corrupt", [cut, emptied, reversed_bytes], ids=lambda how: how.__name__)
def test_corrupt_snapshot_is_ignored(stopped_issuer, snapshots, retry_later, corrupt):
    for file in snapshots.iterdir():
        file.write_bytes(corrupt(file.read_bytes()))

    assert retry_later(stopped_issuer.api(snapshots=snapshots)(stopped_issuer.token(GOOD)))


def test_old_snapshot_is_ignored(stopped_issuer, snapshots, retry_later):
    stopped_issuer.advance(STALE_AFTER_SECONDS + 60)

    assert retry_later(stopped_issuer.api(snapshots=snapshots)(stopped_issuer.token(GOOD)))


@pytest.fixture
def restart(services):
    """`restart()`: stop every verifier and start it again."""

    def run():
        for name in services.verifiers:
            services.stop_service(name)
            services.start_service(name)

    return run


def test_services_restart_from_snapshots(services, customer, restart):
    good, ended = (customer.log_in()["access_token"] for _ in range(2))
    assert services.client()("POST", "/logout", token=ended).status_code == 204
    restart()  # so that each saves a new snapshot
    assert services.statuses(good) == {200}
    wait_for(
        lambda: all(services.snapshots(name, "*status-lists-1") for name in services.verifiers), what="a copy"
    )
    services.disturb("refuse")

    restart()

    assert services.statuses(good) == {200}
    assert services.statuses(ended) == {401}


def test_service_without_snapshot_recovers(services, customer, retry_later):
    token = customer.log_in()["access_token"]
    users = services.client("users-service")
    services.disturb("refuse")
    services.stop_service("users-service")
    for file in services.snapshots("users-service"):
        file.unlink()

    services.start_service("users-service", wait=False)

    wait_for(lambda: is_alive(users), what="the service")
    assert users("GET", "/readyz").status_code == 503
    assert retry_later(users("GET", "/users/me", token=token))
    services.recover()
    services.wait_ready("users-service")
    assert users("GET", "/users/me", token=token).status_code == 200


def is_alive(client):
    try:
        return client("GET", "/livez").status_code == 200
    except requests.ConnectionError:
        return False
