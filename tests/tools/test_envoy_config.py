"""Envoy's configuration is made of the gateway's routes."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest
from gateway.errors import Refusal
from gateway.routing.routes import RoutesError, load_routes
from gateway.routing.target import canonical
from testkit.envoy import envoy_program

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("envoy_config", ROOT / "tools/envoy_config.py")
envoy_config = importlib.util.module_from_spec(spec)
spec.loader.exec_module(envoy_config)

PATHS = [
    "/", "/a", "/a/", "/a/b.c", "/a//b", "//", "/.", "/..", "/a/.", "/a/..", "/a/../b", "/a/.../b", "/.well-known/x", "/a/b..",
    "/a;b", "/a\\b", "/a%2Fb", "/a%2e", "/a%2E%2E/b", "/a%20b", "/a%C3%A4", "/a%", "/a%4", "/a%zz", "/a%00", "/a%25", "/a%7E",
    "/a b", "/a|b", "/a'b", "/a!$&()*+,=:@-_~", "/a[b]", "a", "*", "/%3A", "/%5C",
]  # fmt: skip


def test_files_in_tree_are_current(tmp_path):
    """Else run `make envoy`."""
    envoy_config.write(tmp_path, {})

    for name in ("envoy.yaml", "authz.args"):
        assert (tmp_path / name).read_text() == (ROOT / "deploy/envoy" / name).read_text()


def test_envoy_accepts_file():
    command = [envoy_program(), "--mode", "validate", "-l", "warning", "-c", ROOT / "deploy/envoy/envoy.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert "eprecated" not in done.stderr


@pytest.mark.parametrize("path", PATHS)
def test_bad_paths_are_those_of_gateway(path):
    try:
        canonical(path.encode(), b"")
    except Refusal:
        refused = True
    else:
        refused = False
    assert bool(re.fullmatch(envoy_config.BAD_PATH, path)) is refused


def test_each_protected_row_checks_its_needs():
    """Only routes without an audience are passed on without the checks."""
    table = load_routes()
    arguments = envoy_config.authz_arguments(table, "x", "x", 1).splitlines()
    for route in table.routes:
        filters = envoy_config.checks(route)
        jwt, authz = (filters[f"envoy.filters.http.{name}"] for name in ("jwt_authn", "ext_authz"))
        assert ("disabled" in jwt, "disabled" in authz) == (route.audience is None,) * 2
        if route.audience is not None:
            name = authz["check_settings"]["http_service"]["path_override"].removeprefix("/authorize/")
            option = "--fresh-rule" if route.fresh else "--rule"
            assert " ".join([option, name, route.audience, *sorted(route.scopes)]) in arguments
            assert jwt["requirement_name"] == route.audience


def test_specific_paths_come_first(tmp_path):
    file = tmp_path / "more.toml"
    file.write_text(
        '[[routes]]\nprefix = "/files/"\nmethods = ["GET"]\nupstream = "orders-service"\naudience = "orders-service"\n'
        'kind = "stream"\nidle_timeout = 7\nmax_body = 100_000\n'
    )
    table = load_routes(file)
    matches = [row["match"] for row in envoy_config.rows(table)]
    (stream,) = [
        row for row in envoy_config.rows(table) if row["match"].get("prefix") == "/files/" and "route" in row
    ]

    assert matches[-1] == {"prefix": "/"}
    plain = [number for number, each in enumerate(matches) if "path" in each]
    patterns = [number for number, each in enumerate(matches[1:], 1) if "safe_regex" in each]
    assert max(plain) < min(patterns) < matches.index({"prefix": "/files/"})
    assert (stream["route"]["timeout"], stream["route"]["idle_timeout"]) == ("0s", "7s")
    assert stream["typed_per_filter_config"]["envoy.filters.http.buffer"]["buffer"] == {
        "max_request_bytes": 100_000
    }


def test_address_that_is_not_http_is_refused(tmp_path):
    with pytest.raises(ValueError, match="authz: must be an http URL"):
        envoy_config.write(tmp_path, {"AUTHZ_URL": "https://authz"})


def test_two_rules_of_one_name_are_refused(tmp_path):
    file = tmp_path / "more.toml"
    file.write_text(
        '[[routes]]\npath = "/more"\nmethods = ["GET"]\nupstream = "orders-service"\naudience = "orders-service"\n'
        'scopes = ["orders.read"]\n'
    )
    with pytest.raises(ValueError, match=r"two rules would be named orders-service~orders\.read"):
        envoy_config.write(tmp_path, {**os.environ, "ROUTES_FILE": str(file)})


def test_faulty_routes_are_refused(tmp_path):
    with pytest.raises(RoutesError):
        envoy_config.write(tmp_path, {"ROUTES_FILE": str(tmp_path / "missing")})
