"""The settings that switch Server-Timing and traces on."""

import subprocess
import sys

import pytest
from pydantic import ValidationError
from service_kit.app import tracing_for
from service_kit.settings import ServiceSettings

ENDPOINT = {"otel_exporter_otlp_endpoint": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("given", "on"),
    [
        ({}, False),
        ({"demo": True}, True),
        ({"demo": True, "server_timing": "off"}, False),
        ({"server_timing": "on"}, True),
    ],
)
def test_server_timing_defaults_to_demo(settings, given, on):
    assert ServiceSettings(**given).server_timing is on


@pytest.mark.parametrize("off", [{"otel_traces_exporter": "none"}, {"otel_sdk_disabled": True}])
def test_traces_need_an_endpoint(settings, off):
    assert not settings.traces
    assert ServiceSettings(**ENDPOINT).traces
    assert tracing_for(ServiceSettings(**ENDPOINT, **off), "x") is None


@pytest.mark.parametrize(
    "given", [{"otel_exporter_otlp_endpoint": "collector"}, {"otel_exporter_otlp_protocol": "grpc"}]
)
def test_wrong_collector_is_refused(settings, given):
    with pytest.raises(ValidationError):
        ServiceSettings(**given)


def test_missing_packages_are_named(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    with pytest.raises(ValidationError, match=r"requirements-otel\.lock"):
        ServiceSettings(**ENDPOINT)


def test_tracing_off_imports_nothing():
    program = (
        "import sys; from service_kit.app import create_api; from service_kit.settings import ServiceSettings;"
        "create_api('x', ServiceSettings(), title='X', version='1');"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, env={}).returncode == 0
