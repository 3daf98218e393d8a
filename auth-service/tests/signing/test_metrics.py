"""The metrics of the signing keys."""

from auth_service.signing.metrics import KeyMetrics


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
