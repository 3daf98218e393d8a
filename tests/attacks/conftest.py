"""What an attacker of the mint has: a browser, a client's key at most, and patience."""

import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testkit.callers import Door, Person, read_claims
from testkit.mint import Mint, b64
from testkit.program import Program
from testkit.surfer import Surfer
from testkit.upstream import FakeUpstream

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@pytest.fixture
def program(gateway, alice) -> Program:
    return Program(gateway, Surfer(alice.email, alice.password))


@pytest.fixture
def own(newcomer, program_of) -> tuple[Person, Program]:
    """Somebody of one's own, and the program at their browser."""
    person = newcomer()
    return person, program_of(person)


@pytest.fixture
def refresh(gateway) -> Callable[..., requests.Response]:
    """`refresh(token)`: ask for its successor."""

    def ask(token: str, **more: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "client_id": "cli", "refresh_token": token, **more}
        return gateway("POST", "/oauth/token", data=form)

    return ask


@dataclass(frozen=True)
class Service:
    """A confidential client with its own key."""

    client_id: str
    key: str
    gate: Door
    issuer: str

    def assertion(
        self, *, key: Any = None, algorithm: str = "RS256", headers: Any = None, **changes: Any
    ) -> str:
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "jti": uuid.uuid4().hex}
        claims |= {"iat": now, "exp": now + 60, **changes}
        return jwt.encode(claims, self.key if key is None else key, algorithm, headers=headers)

    def ask(
        self, path: str = "/oauth/token", *, assertion: str | None = None, **form: Any
    ) -> requests.Response:
        """Send a form with a proof; `assertion` is another one than its own."""
        proof = {"client_assertion_type": ASSERTION, "client_assertion": assertion or self.assertion()}
        return self.gate("POST", path, data={**proof, **form})

    def own_token(self, *, assertion: str | None = None, **form: Any) -> requests.Response:
        wanted = {"grant_type": "client_credentials", "audience": "users-service", "scope": "users:read"}
        return self.ask(assertion=assertion, **{**wanted, **form})

    def exchange(self, **form: Any) -> requests.Response:
        wanted = {
            "grant_type": EXCHANGE,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": "users-service",
        }
        return self.ask(**{**wanted, **form})


@pytest.fixture
def service(cluster, gateway, alice, claims_of) -> Callable[[str], Service]:
    """`service(client_id)`: this confidential client."""

    def named(client_id: str) -> Service:
        key = (cluster.keys_dir / "clients" / f"{client_id}.pem").read_text()
        return Service(client_id, key, gateway, claims_of(alice.token)["iss"])

    return named


@pytest.fixture
def stolen_key(cluster, alice, claims_of) -> Mint:
    """The mint's own key in the wrong hands: what it signs is wrong in nothing but what a test makes wrong."""
    claims = claims_of(alice.token)
    return Mint.of_keys_dir(cluster.keys_dir, claims["iss"], claims["aud"])


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """`at_once(n, call)`: the results of n calls that start together."""

    def run(times: int, call: Callable[[], Any]) -> list[Any]:
        with ThreadPoolExecutor(times) as pool:
            return [each.result() for each in [pool.submit(call) for _ in range(times)]]

    return run


@pytest.fixture
def listener() -> Iterator[FakeUpstream]:
    """A server of the attacker's own, which hopes to be asked."""
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def sign_anything() -> Callable[..., str]:
    """`sign_anything(service, **claims)`: an assertion with a right signature, whatever it says."""

    def sign(client: Service, **claims: Any) -> str:
        said = read_claims(client.assertion()) | claims
        header = json.dumps({"alg": "RS256", "typ": "JWT"}).encode()
        signed = f"{b64(header)}.{b64(json.dumps(said).encode())}"
        key = load_pem_private_key(client.key.encode(), None)
        return f"{signed}.{b64(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    return sign


@pytest.fixture
def raw(gateway) -> Callable[[bytes], bytes]:
    """`raw(sent)`: all that the door answers to these bytes until it hangs up, or falls silent for a second."""
    parts = urlsplit(gateway.url)

    def send(sent: bytes) -> bytes:
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
            line.sendall(sent)
            line.settimeout(1)
            told = b""
            while True:
                try:
                    more = line.recv(65536)
                except TimeoutError:
                    return told
                if not more:
                    return told
                told += more

    return send
