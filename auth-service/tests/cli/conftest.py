"""Commands, run against an app, and a user who is logged in to it."""

import json

import jwt
import pytest

PASSWORD = "correct-horse-battery-staple"


@pytest.fixture
def run(app):
    def run(*args, **more):
        return app.test_cli_runner().invoke(args=list(args), **more)

    return run


@pytest.fixture
def lines(run):
    """`lines(*args)`: run a command that must succeed, and return its JSON lines."""

    def lines(*args):
        result = run(*args)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    return lines


@pytest.fixture
def alice(client):
    answer = client.post("/login", json={"email": "alice@example.com", "password": PASSWORD}).get_json()
    return {**jwt.decode(answer["access_token"], options={"verify_signature": False}), **answer}
