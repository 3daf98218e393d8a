"""The command `touchstone authz`: its arguments, and the real process."""

import pickle
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from touchstone.authz.app import ExternalAuthorization
from touchstone.authz.server import serve
from touchstone.cli import main

PROGRAM = Path(sysconfig.get_path("scripts"), "touchstone")
ISSUER = "https://issuer.example"
RULE = ("--rule", "orders", "orders-service", "orders:read")
FAULTY = '--rule a/b x --rule c --rule e x orders:"read" --fresh-rule e x'


@pytest.fixture
def served(monkeypatch):
    """The options with which the command serves, without a server."""
    served = []
    monkeypatch.setattr("touchstone.authz.server.serve", served.append)
    return served


def run(*words):
    main(["authz", "--issuer", ISSUER, *words])


def test_rules_are_read(served):
    run(*RULE, "--fresh-rule", "admin", "auth-service", "--rule", "users", "users-service", "a", "b")

    assert [(r.name, r.audience, r.scopes, r.fresh) for r in served[0].rules] == [
        ("orders", "orders-service", ("orders:read",), False),
        ("users", "users-service", ("a", "b"), False),
        ("admin", "auth-service", (), True),
    ]


def test_arguments_of_file_are_read(served, tmp_path):
    file = tmp_path / "arguments"
    file.write_text("# the rules\n--rule orders 'orders service'\n\n--listen [::1]:9000\n")

    run(f"@{file}")

    assert (served[0].rules[0].audience, served[0].host, served[0].port) == ("orders service", "::1", 9000)


def test_listening_is_on_loopback(served):
    run(*RULE)

    assert (served[0].host, served[0].port) == ("127.0.0.1", 8090)


def test_all_faults_are_named(served, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["authz", "--issuer", "nowhere", "--listen", "8090", *FAULTY.split(), "--rule", "d", " "])

    said = capsys.readouterr().err
    assert (ended.value.code, served) == (2, [])
    for part in (
        "url must begin with http",
        "--listen must be HOST:PORT",
        "rule 'a/b': the name must be",
        "rule 'c': needs an audience",
        "rule 'd': its audience must be",
        "rule 'e': each scope",
        "two rules have the same name",
    ):
        assert part in said


@pytest.mark.parametrize(
    "address", ["8090", ":8090", "localhost", "localhost:", "localhost:0", "a/b:1", "a:1/b", "a:x", "a:65536"]
)
def test_invalid_address_is_named(served, capsys, address):
    with pytest.raises(SystemExit):
        run(*RULE, "--listen", address)

    assert "--listen must be HOST:PORT" in capsys.readouterr().err


def test_rule_is_required(served, capsys):
    with pytest.raises(SystemExit):
        run()

    assert "at least one --rule" in capsys.readouterr().err


def test_missing_granian_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "touchstone.authz.server", None)
    with pytest.raises(SystemExit):
        run(*RULE)

    assert "pip install 'touchstone[authz]'" in capsys.readouterr().err


def test_server_loads_app(served):
    run(*RULE, "--listen", "[::1]:9000")
    started = []

    class Server:
        def __init__(self, **options):
            self.options = options

        def serve(self, target_loader, *, wrap_loader):
            started.append((self.options["address"], self.options["port"]))
            # A worker that does not inherit the memory of its parent gets a copy.
            started.append(pickle.loads(pickle.dumps(target_loader))())

    serve(served[0], Server)

    assert started[0] == ("::1", 9000)
    assert isinstance(started[1], ExternalAuthorization)


def test_process_serves_until_sigterm(eventually, server, signer, response):
    server.plan(response(200, signer.jwks(), {"Cache-Control": "max-age=3600"}))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = f"127.0.0.1:{port}"
    process = subprocess.Popen([PROGRAM, "authz", "--issuer", server.url, *RULE, "--listen", listen])

    def status(path):
        try:
            return urllib.request.urlopen(f"http://{listen}{path}", timeout=5).status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except urllib.error.URLError:
            assert process.poll() is None
            return None

    try:
        eventually(lambda: status("/readyz") == 200)
        assert status("/authorize/orders") == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
