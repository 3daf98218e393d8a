"""Shared fixtures: a signer of any token, a manual clock, and a real HTTP server of documents."""

from __future__ import annotations

import base64
import json
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from touchstone import IssuerDocuments, KeySet, Policy, Verifier

ISSUER = "https://issuer.example"
AUDIENCE = "orders-service"
NOW = 1_900_000_000
REMOVE = object()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Clock:
    """A clock that moves only by `advance`."""

    def __init__(self, start: float = NOW) -> None:
        self.now = float(start)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Signer:
    """Signs any token, valid or not."""

    REMOVE = REMOVE

    def __init__(self, key: RSAPrivateKey, kid: str = "key-1") -> None:
        self.key = key
        self.kid = kid

    def jwk(self, **overrides: object) -> dict[str, object]:
        public = self.key.public_key().public_numbers()
        members = {"kty": "RSA", "kid": self.kid, "n": number(public.n), "e": number(public.e)}
        return self._merged({**members, "use": "sig", "alg": "RS256"}, overrides)

    def jwks(self, *more: object) -> bytes:
        return json.dumps({"keys": [self.jwk(), *more]}).encode()

    def header(self, **overrides: object) -> dict[str, object]:
        return self._merged({"alg": "RS256", "typ": "at+jwt", "kid": self.kid}, overrides)

    def claims(self, **overrides: object) -> dict[str, object]:
        return self._merged(
            {
                "iss": ISSUER,
                "sub": "8f14e45f-ceea-467f-a0e6-8c3d2a1b0c9d",
                "aud": AUDIENCE,
                "exp": NOW + 300,
                "iat": NOW,
                "jti": "q0zP1m7Xk2vR9bLs5tYwcA",
                "client_id": "cli",
                "scope": "orders:read orders:write",
                "roles": ["customer"],
                "sid": "Zt4uQ8nB2eXk7mPw0aHs1g",
                "auth_time": NOW,
            },
            overrides,
        )

    def sign(self, header: bytes, payload: bytes, key: RSAPrivateKey | None = None) -> str:
        signed = f"{b64(header)}.{b64(payload)}"
        signature = (key or self.key).sign(signed.encode(), PKCS1v15(), SHA256())
        return f"{signed}.{b64(signature)}"

    def token(self, *, header: dict[str, object] | None = None, **claims: object) -> str:
        return self.sign(_json(self.header(**(header or {}))), _json(self.claims(**claims)))

    def list_token(
        self, uri: str, data: bytes = b"\0\0", *, header: dict[str, object] | None = None, **claims: object
    ) -> bytes:
        packed = {"bits": 1, "lst": b64(zlib.compress(data))}
        members = {
            "iss": ISSUER,
            "sub": uri,
            "iat": NOW,
            "exp": NOW + 43_200,
            "ttl": 20,
            "status_list": packed,
        }
        head = self.header(**{"typ": "statuslist+jwt", **(header or {})})
        return self.sign(_json(head), _json(self._merged(members, claims))).encode()

    @staticmethod
    def _merged(members: dict[str, object], overrides: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in {**members, **overrides}.items() if value is not REMOVE}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass
class PlannedResponse:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None


class DocumentServer:
    """A real HTTP server that sends the next response planned for the request's path, and the last one repeatedly.

    Responses planned without a path are for all paths that have none of their own.
    """

    def __init__(self) -> None:
        self.responses: dict[str, list[PlannedResponse]] = {"": [PlannedResponse()]}
        self.requests: list[dict[str, str]] = []
        self.counts: Counter[str] = Counter()
        self.seen: SimpleQueue[str] = SimpleQueue()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_args: None  # clients that hang up are part of many tests
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def plan(self, *responses: PlannedResponse, at: str = "") -> None:
        with self._lock:
            self.responses[at] = list(responses)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, path: str, headers: dict[str, str]) -> PlannedResponse:
        with self._lock:
            self.requests.append(headers)
            self.counts[path] += 1
            planned = self.responses.get(path) or self.responses[""]
            return planned.pop(0) if len(planned) > 1 else planned[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                response = server._take(self.path, dict(self.headers.items()))
                server.seen.put(self.path)
                response.before()
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in response.headers and response.status != 304:
                    self.send_header("Content-Length", str(len(response.body)))
                self.end_headers()
                if response.status != 304:
                    self.wfile.write(response.body)
                if "Content-Length" in response.headers:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@pytest.fixture(scope="session")
def signing_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def other_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def signer(signing_key) -> Signer:
    return Signer(signing_key)


@pytest.fixture(scope="session")
def other_signer(other_key) -> Signer:
    """Signs with another key than the issuer's, under the same `kid`."""
    return Signer(other_key)


@pytest.fixture(scope="session")
def keys(signer) -> KeySet:
    return KeySet.from_jwks(signer.jwks())


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy(ISSUER, AUDIENCE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(policy, keys, clock) -> Verifier:
    return Verifier(policy, lambda: keys, now=clock)


@pytest.fixture
def server() -> Iterator[DocumentServer]:
    running = DocumentServer()
    yield running
    running.close()


@pytest.fixture(scope="session")
def response() -> type[PlannedResponse]:
    return PlannedResponse


@pytest.fixture(scope="session")
def make_clock() -> type[Clock]:
    return Clock


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition holds that another thread brings about."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "the condition did not hold within 10 seconds"
            time.sleep(0.005)

    return wait


@pytest.fixture
def idle(eventually) -> Callable[[IssuerDocuments], None]:
    """`idle(documents)`: wait until no on-demand refresh is running; one that ends late would count for the next."""

    def wait(documents: IssuerDocuments) -> None:
        followers = [documents._keys, *documents._lists.values()]
        eventually(lambda: not any(each._on_demand.running for each in followers))

    return wait
