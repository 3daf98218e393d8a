"""The programs of docs/how-to/recipes.md, each run with a fake issuer."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import requests
from testkit.cluster import free_ports
from testkit.external_programs import server_process
from testkit.issuer import JWKS_PATH, FakeIssuer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "recipes.md").read_text("utf-8")
RECIPES = dict(re.findall(r"```(?:python|sh) name=(\w+)\n(.*?)```", PAGE, re.DOTALL))
SERVERS = RECIPES["servers"].splitlines()
ISSUER = "http://localhost:8080"


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer(long_poll=True) as running:
        running.publish(JWKS_PATH, running.signer.jwks())
        yield running


@pytest.fixture
def bearer(issuer):
    """`bearer(**claims)`: the headers with a token of the issuer."""

    def header(**claims):
        token = issuer.signer.sign(issuer.signer.claims(**{"aud": "my-app", **claims}))
        return {"Authorization": f"Bearer {token}"}

    return header


@pytest.fixture
def run(issuer):
    """`run(name)`: the names that the recipe defines, run with the test's issuer."""

    def execute(name):
        scope = {"__name__": "app"}
        exec(compile(RECIPES[name].replace(ISSUER, issuer.url), name, "exec"), scope)
        return scope

    return execute


def test_every_recipe_has_a_test():
    named = {"order", "blueprints", "optional", "user", "handler", "tests", "servers"}
    assert named == set(RECIPES)
    assert PAGE.count("```") == 2 * len(RECIPES)


def test_recipe_order_of_decorators(run, capsys):
    client = run("order")["app"].test_client()
    assert capsys.readouterr().out == "['static', 'wrong']\n"
    assert client.get("/right").status_code == 401
    assert client.get("/wrong").text == "open to everybody"


def test_recipe_blueprint(run, bearer):
    client = run("blueprints")["create_app"]().test_client()
    assert client.get("/orders/").status_code == 401
    assert client.options("/orders/").status_code == 200
    assert client.get("/orders/", headers=bearer()).json == {"orders": []}
    assert client.delete("/orders/7", headers=bearer(scope="orders:read")).status_code == 403
    assert client.delete("/orders/7", headers=bearer()).json == {"cancelled": 7}


def test_recipe_optional_token(run, bearer):
    client = run("optional")["app"].test_client()
    assert client.get("/greeting").json == {"hello": "guest"}
    assert client.get("/greeting", headers=bearer(sub="alice")).json == {"hello": "alice"}
    assert client.get("/greeting", headers=bearer(exp=1)).status_code == 401


def test_recipe_current_user(run, bearer):
    client = run("user")["app"].test_client()
    body = client.get("/me", headers=bearer(sub="alice", tenant=7)).json
    assert (body["name"], body["plan"], body["claims"]["tenant"]) == ("Alice", "gold", 7)
    assert client.get("/me", headers=bearer(sub="bob")).status_code == 403
    assert client.get("/me").status_code == 401


def test_recipe_error_handler(run):
    answer = run("handler")["app"].test_client().get("/me")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.text == "Sorry: A bearer token is needed in the Authorization header.\n"


def test_recipe_tests_of_own_app(run):
    run("tests")


@pytest.mark.parametrize("line", SERVERS, ids=lambda line: line.partition(" --bind")[0][:40])
def test_server_runs_app(line, issuer, bearer, tmp_path):
    program, *words = line.split()
    if shutil.which(program, path=str(Path(sys.executable).parent)) is None:
        pytest.skip(f"needs {program}: .venv/bin/python -m pip install {program}")
    (tmp_path / "app.py").write_text(RECIPES["optional"].replace(ISSUER, issuer.url))
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = [
        str(Path(sys.executable).parent / program),
        *(word.replace("127.0.0.1:5000", address) for word in words),
    ]
    if program == "uwsgi":
        command += ["--virtualenv", sys.prefix, "--die-on-term"]
    with server_process(command, f"http://{address}/greeting", 200, folder=tmp_path):
        for _ in range(8):  # of both workers, most likely
            good = requests.get(f"http://{address}/greeting", headers=bearer(sub="alice"), timeout=10)
            bad = requests.get(f"http://{address}/greeting", headers=bearer(exp=1), timeout=10)
            assert (good.json(), bad.status_code) == ({"hello": "alice"}, 401)
