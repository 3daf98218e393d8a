"""Services are found by their folders and their rows: no other part lists them by name."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = [
    ".dockerignore",
    "Dockerfile",
    "Makefile",
    "auth-service/src",
    "deploy/compose",
    "gateway/src",
    "libs/service-kit/src",
    "libs/testkit/src/testkit/cluster.py",
    "libs/testkit/src/testkit/envoy.py",
    "libs/testkit/src/testkit/forked_cluster.py",
    "pyproject.toml",
    "tools",
]
TABLES = {
    "auth-service/src/auth_service/registry.toml",
    "gateway/src/gateway/routing/routes.toml",
    "tools/new_service/template/rows/registry.toml.jinja",
}
NAMED = re.compile(r"\b(?:users|orders)(?:[-_]service|_port|_url)\b", re.IGNORECASE)


def test_only_tables_name_services():
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PLACES]
    files = set(subprocess.check_output(listed, cwd=ROOT, text=True).split("\n")) - {"", *TABLES}
    found = {file: NAMED.findall((ROOT / file).read_text(encoding="utf-8")) for file in sorted(files)}

    assert len(files) > 100
    assert {file: words for file, words in found.items() if words} == {}


def test_names_of_services_are_found():
    assert NAMED.findall("users-service ORDERS_URL orders_service USERS_PORT users") == [
        "users-service",
        "ORDERS_URL",
        "orders_service",
        "USERS_PORT",
    ]
