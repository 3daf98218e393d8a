"""The examples of the README run, and its tables are complete."""

import json
import re
from pathlib import Path

import pytest
import touchstone
from touchstone import errors

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")


PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def kinds(kind=errors.TouchstoneError):
    leaves = (leaf for child in kind.__subclasses__() for leaf in kinds(child))
    return [kind, *(leaf for leaf in leaves if leaf.__module__ == errors.__name__)]


@pytest.fixture
def example(server, response, signer):
    """Run the README's program with a test server as the issuer."""
    program, _several = PROGRAMS
    assert len(program.splitlines()) <= 15
    server.plan(response(200, signer.jwks()))
    scope = {"__name__": "example"}
    exec(compile(program.replace("http://localhost:8080", server.url), "README.md", "exec"), scope)
    yield scope["app"]
    scope["app"].extensions["touchstone"].issuer.close()


def test_example_protects_its_app(example, server, signer):
    import time

    now = int(time.time())
    client = example.test_client()
    usual = {"iat": now, "exp": now + 300, "auth_time": now, "iss": server.url, "aud": "my-app"}

    def ask(**claims):
        return client.get("/orders", headers={"Authorization": f"Bearer {signer.token(**usual | claims)}"})

    assert ask().json == {"customer": json.loads(json.dumps(signer.claims()["sub"])), "orders": []}
    assert ask(scope="orders:write").status_code == 403
    assert ask(aud="users-service").status_code == 401
    assert client.get("/orders").status_code == 401


def test_example_refuses_ended_session(example, server, response, signer):
    import time

    now = int(time.time())
    uri = f"{server.url}/status-lists/1"
    ended = signer.list_token(uri, b"\x08\x00", iss=server.url, iat=now, exp=now + 60)
    server.plan(response(200, ended), at="/status-lists/1")
    usual = {"iat": now, "exp": now + 300, "auth_time": now, "iss": server.url, "aud": "my-app"}

    def ask(index):
        status = {"status_list": {"idx": index, "uri": uri}}
        bearer = {"Authorization": f"Bearer {signer.token(**usual, status=status)}"}
        return example.test_client().get("/orders", headers=bearer)

    assert ask(2).status_code == 200
    assert ask(3).status_code == 401
    assert ask(3).json["type"] == "urn:touchstone:problem:revoked_token"


def test_example_of_several_issuers_runs():
    scope = {}
    exec(compile(PROGRAMS[1], "README.md", "exec"), scope)
    scope["issuers"].close()


@pytest.mark.parametrize("name", touchstone.__all__)
def test_every_public_name_is_listed(name):
    assert f"`{name}" in README


@pytest.mark.parametrize("kind", kinds()[1:], ids=lambda kind: kind.__name__)
def test_every_error_is_listed(kind):
    assert re.search(rf"^\| `{kind.__name__}`.* \| `{kind.slug}` \| ", README, re.MULTILINE)
