"""deploy/haproxy/jwks_to_pem.py: HAProxy's files follow the published keys, whatever else the issuer answers."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.keys import jwk, make_rsa, thumbprint

PROGRAM = Path(__file__).parents[2] / "deploy/haproxy/jwks_to_pem.py"
FIRST, SECOND = (make_rsa(which=which).public_key() for which in (0, 1))


def jwks(*keys):
    return {"keys": list(keys)}


@dataclass
class Setup:
    """An issuer, the folder of its keys, and a log of the reloads."""

    issuer: FakeIssuer
    folder: Path
    log: Path
    main: Callable[[list[str]], int]

    def run(self, reload="true"):
        command = ["sh", "-c", f"ls {self.folder} | tr '\\n' ' ' >> {self.log}; echo >> {self.log}; {reload}"]
        return self.main([self.issuer.url + JWKS_PATH, str(self.folder), *command])

    @property
    def reloads(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def files(self):
        return {path.name: path.read_text() for path in self.folder.iterdir()}


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("jwks_to_pem", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup(tmp_path, program):
    with FakeIssuer(jwks(jwk(FIRST))) as issuer:
        yield Setup(issuer, tmp_path / "issuer", tmp_path / "reloads", program.main)


def test_each_key_becomes_pem_file(setup):
    setup.issuer.publish(JWKS_PATH, jwks(jwk(FIRST), jwk(SECOND)))

    assert setup.run() == 0
    for key in (FIRST, SECOND):
        pem = setup.files[f"{thumbprint(key)}.pem"].encode()
        assert load_pem_public_key(pem).public_numbers() == key.public_numbers()


def test_rules_name_each_file_once(setup):
    setup.issuer.publish(JWKS_PATH, jwks(jwk(FIRST), jwk(SECOND)))
    setup.run()
    rules = [line for line in setup.files["keys.cfg"].splitlines() if "jwt_verify" in line]

    assert len(rules) == 2
    for key in (FIRST, SECOND):
        name = thumbprint(key)
        assert sum(f'"{setup.folder}/{name}.pem"' in line and f"-- {name} " in line for line in rules) == 1


def test_unchanged_keys_do_not_reload(setup):
    assert [setup.run() for _ in range(3)] == [0, 0, 0]
    assert len(setup.reloads) == 1


def test_old_key_is_kept_until_reload(setup):
    setup.run()
    setup.issuer.publish(JWKS_PATH, jwks(jwk(SECOND)))
    setup.run()

    assert {f"{thumbprint(key)}.pem" for key in (FIRST, SECOND)} <= set(setup.reloads[1].split())
    assert set(setup.files) == {"keys.cfg", f"{thumbprint(SECOND)}.pem"}


def test_failed_reload_is_repeated(setup):
    assert setup.run(reload="false") == 1
    assert setup.run() == 0
    assert setup.run() == 0
    assert len(setup.reloads) == 2


@pytest.mark.parametrize(
    "unusable",
    [
        jwk(SECOND, kid="../../etc/haproxy/haproxy"),
        jwk(SECOND, kid='x"} if TRUE #'),
        jwk(SECOND, kid="x\n    http-request allow"),
        jwk(SECOND, kid=""),
        jwk(SECOND, kid=None),
        jwk(SECOND, kid=7),
        jwk(SECOND, use="enc"),
        jwk(SECOND, alg="RS512"),
        jwk(make_rsa(1024).public_key()),
        jwk(SECOND, n="not base64url!"),
        jwk(SECOND, n=None),
        jwk(SECOND, e=65537),
        {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "oct", "kid": "secret", "k": "AAAA"},
        {},
        {"kty": ["RSA"]},
    ],
    # Without the random numbers of the keys.
    ids=lambda key: str({name: value for name, value in key.items() if len(str(value)) < 40}),
)
def test_unusable_key_is_skipped(setup, unusable):
    setup.issuer.publish(JWKS_PATH, jwks(unusable, jwk(FIRST)))

    assert setup.run() == 0
    assert set(setup.files) == {"keys.cfg", f"{thumbprint(FIRST)}.pem"}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not here",
        b"[]",
        b"null",
        b'{"keys": null}',
        b'{"keys": [1]}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "RSA", "kid": "x"}]}',
        b'{"keys": [{"kty": "RSA", "kid": "x", "n": "\xc3\xa9", "e": 1}]}',
        b"[" * 100_000,
        b" " * 150_001,
        jwks(*(jwk(FIRST, kid=f"key-{number}") for number in range(17))),
    ],
    ids=lambda document: f"{document!r:.40}",
)
def test_unusable_document_changes_nothing(setup, document, capsys):
    setup.run()
    before = setup.files
    setup.issuer.publish(JWKS_PATH, document)

    assert (setup.run(), setup.files, len(setup.reloads)) == (1, before, 1)
    assert "nothing was changed" in capsys.readouterr().err


def test_error_of_issuer_changes_nothing(setup):
    setup.run()
    before = setup.files
    setup.issuer.jwks.status = 500

    assert (setup.run(), setup.files) == (1, before)


def test_redirect_is_not_followed(setup):
    setup.run()
    before = setup.files
    setup.issuer.publish("/elsewhere", jwks(jwk(SECOND)))
    setup.issuer.jwks.status = 302
    setup.issuer.jwks.headers["Location"] = setup.issuer.url + "/elsewhere"

    assert (setup.run(), setup.files) == (1, before)
    assert setup.issuer.requests["/elsewhere"] == 0


def test_unreachable_issuer_changes_nothing(setup):
    setup.run()
    before = setup.files
    setup.issuer.close()

    assert (setup.run(), setup.files) == (1, before)


def test_program_needs_no_packages():
    command = [sys.executable, "-I", "-S", str(PROGRAM)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, "usage:" in done.stderr) == (2, True)
