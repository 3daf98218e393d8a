"""The metrics of the signing keys."""

import pytest
from auth_service.domain.signing_keys import KeyTimes
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.metrics import KeyMetrics
from auth_service.signing.pem_folder import KeyFolder
from auth_service.use_cases.admin.key_rotation import ScheduledKeyRotation

INTERVAL = 10_000
SESSION = 50_000


@pytest.fixture
def key_ring(tmp_path, clock):
    times = KeyTimes.of(jwks_max_age=60, access_ttl=300)
    return KeyRing(KeyFolder(tmp_path / "signing"), times, clock)


@pytest.fixture
def rotate(memory, key_ring, clock):
    return ScheduledKeyRotation(memory, key_ring, INTERVAL, clock, SESSION)


def test_metrics_show_key_count_and_age(app, clock):
    clock.advance(500)
    app.test_cli_runner().invoke(args=["keys", "rotate"])

    lines = app.test_client().get("/metrics").text.splitlines()

    told = [line for line in lines if line.startswith("signing_key")]
    assert told == [
        'signing_keys{state="next"} 1.0',
        'signing_keys{state="current"} 1.0',
        'signing_keys{state="retired"} 0.0',
        'signing_keys{state="expired"} 0.0',
        "signing_key_age_seconds 1500.0",
    ]


def test_metrics_without_key_show_no_age(clock):
    assert [family.name for family in KeyMetrics(list, clock).collect()] == ["signing_keys"]
