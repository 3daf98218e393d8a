"""A receiver of signals that knows the RFCs and nothing of our code, and a client that manages its streams."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from typing import Any

import jwt
import pytest
import requests
from testkit.cluster import free_ports
from testkit.preloaded import Cluster

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SESSION_REVOKED, CREDENTIAL_CHANGE = f"{CAEP}session-revoked", f"{CAEP}credential-change"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
BEARER = "Bearer known-to-two"


class RefusalError(Exception):
    """A token that a receiver does not take; the argument is its error code (RFC 8935 section 2.4)."""


@dataclass
class Reader:
    """Reads security event tokens as RFC 8417 and SSF 1.0 section 4 say, by what the transmitter publishes of itself."""

    transmitter: str
    audience: str
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    _keys: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, token: str) -> None:
        """Keep what the token says; raises RefusalError."""
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "secevent+jwt" or header.get("alg") != "RS256":
            raise RefusalError("invalid_request")
        try:
            claims = jwt.decode(
                token,
                self._key(header.get("kid")),
                algorithms=["RS256"],
                issuer=self.transmitter,
                audience=self.audience,
                options={"require": ["iss", "iat", "jti", "aud"]},
            )
        except jwt.InvalidIssuerError:
            raise RefusalError("invalid_issuer") from None
        except jwt.InvalidAudienceError:
            raise RefusalError("invalid_audience") from None
        except jwt.PyJWTError:
            raise RefusalError("invalid_key") from None
        events = claims.get("events")
        forbidden = {"sub", "exp"} & set(claims)
        if forbidden or not isinstance(events, dict) or len(events) != 1 or "sub_id" not in claims:
            raise RefusalError("invalid_request")
        with self._lock:
            if claims["jti"] in self.seen:
                self.repeated.append(claims["jti"])
            self.seen[claims["jti"]] = claims

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Give what has come of one type, as (claims with the event's own under "event")."""
        with self._lock:
            taken = list(self.seen.values())
        return [{**claims, "event": claims["events"][kind]} for claims in taken if kind in claims["events"]]

    def _key(self, kid: Any) -> Any:
        if kid not in self._keys:
            about = requests.get(f"{self.transmitter}/.well-known/ssf-configuration", timeout=10).json()
            assert about["issuer"] == self.transmitter
            published = requests.get(about["jwks_uri"], timeout=10).json()
            self._keys.update({key["kid"]: jwt.PyJWK(key, "RS256").key for key in published["keys"]})
        if kid not in self._keys:
            raise RefusalError("invalid_key")
        return self._keys[kid]


@dataclass
class Receiver(Reader):
    """Takes pushed tokens (RFC 8935) at `url`. `mood` is what it does: take them, refuse them, or be unwell."""

    mood: str = "well"
    tries: list[float] = field(default_factory=list)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    def start(self) -> "Receiver":
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def answer(self, headers: Any, body: bytes) -> tuple[int, bytes]:
        self.tries.append(time.monotonic())
        if self.mood == "unwell":
            return 503, b""
        try:
            if (
                headers["Content-Type"] != "application/secevent+jwt"
                or headers["Accept"] != "application/json"
            ):
                raise RefusalError("invalid_request")
            if headers["Authorization"] != BEARER:
                raise RefusalError("authentication_failed")
            if self.mood == "refusing":
                raise RefusalError("access_denied")
            self.take(body.decode("ascii"))
        except RefusalError as refusal:
            return 400, dumps({"err": str(refusal), "description": "not so"}).encode()
        return 202, b""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = receiver.answer(self.headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    return Handler


@dataclass
class Subscriber:
    """A confidential client and the streams that it manages at one mint, through a door."""

    client_id: str
    key: str
    door: Any
    issuer: str

    def token(self, scope: str = "ssf.manage ssf.read") -> str:
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "jti": uuid.uuid4().hex}
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "audience": "auth-service",
            "client_assertion_type": ASSERTION,
            "client_assertion": jwt.encode({**claims, "iat": now, "exp": now + 60}, self.key, "RS256"),
        }
        answer = self.door("POST", "/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def __call__(self, method: str, path: str, *, scope: str = "ssf.manage ssf.read", **options: Any) -> Any:
        return self.door(method, path, token=self.token(scope), **options)

    def subscribe(self, receiver: "Receiver | None" = None, **facts: Any) -> dict[str, Any]:
        """Open a stream: pushed to this receiver, or polled."""
        delivery = {"method": POLL}
        if receiver is not None:
            delivery = {"method": PUSH, "endpoint_url": receiver.url, "authorization_header": BEARER}
        answer = self("POST", "/ssf/streams", json={"delivery": delivery, **facts})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def unsubscribe(self, stream: dict[str, Any]) -> None:
        self("DELETE", f"/ssf/streams?stream_id={stream['stream_id']}")

    def poll(self, stream: dict[str, Any], wait: int | None = None, **body: Any) -> dict[str, Any]:
        path = stream["delivery"]["endpoint_url"].removeprefix(self.issuer)
        headers = {} if wait is None else {"Prefer": f"wait={wait}"}
        answer = self("POST", path, json={"returnImmediately": wait is None, **body}, headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="package")
def told(mail_folders) -> Iterator[Cluster]:
    """A mint of two processes behind a door, which tests may kill; each leaves it running."""
    services = ["auth-service", "gateway"]
    with Cluster({"RATE_LIMITS": "off"}, services=services, workers=2) as cluster:
        mail_folders[cluster.gateway] = cluster.mail_folder
        yield cluster


@pytest.fixture
def subscriber(told, door) -> Subscriber:
    key = (told.keys_dir / "clients" / "signals-receiver.pem").read_text()
    return Subscriber("signals-receiver", key, door(told.gateway), told.issuer)


@pytest.fixture
def receiver(told, subscriber) -> Iterator[Receiver]:
    """A receiver that is up; it may be stopped and started."""
    started = Receiver(told.issuer, subscriber.client_id).start()
    yield started
    started.stop()


@pytest.fixture
def pushed(subscriber, receiver) -> Iterator[dict[str, Any]]:
    """A stream that is pushed to the receiver."""
    stream = subscriber.subscribe(receiver)
    yield stream
    subscriber.unsubscribe(stream)


@pytest.fixture
def polled(subscriber) -> Iterator[dict[str, Any]]:
    """A stream that is polled."""
    stream = subscriber.subscribe()
    yield stream
    subscriber.unsubscribe(stream)


@pytest.fixture
def reader(told, subscriber) -> Reader:
    """Reads what is polled."""
    return Reader(told.issuer, subscriber.client_id)


@pytest.fixture
def somebody(told, door, newcomer) -> Any:
    """Somebody who just made an account at the mint."""
    return newcomer(door(told.gateway))


@pytest.fixture
def log_out(told, door, somebody, claims_of) -> Callable[[], dict[str, Any]]:
    """`log_out()`: log in and out again; gives the claims of the token that was used."""

    def leave() -> dict[str, Any]:
        token = somebody.log_in()["access_token"]
        answer = door(told.gateway)("POST", "/logout", token=token)
        assert answer.status_code == 204, answer.text
        return claims_of(token)

    return leave


@pytest.fixture
def metric(told) -> Callable[[str], float]:
    """`metric('name{label="…"}')`: what this process of the mint says of it, or nought."""

    def read(name: str) -> float:
        lines = requests.get(f"{told.urls['auth-service']}/metrics", timeout=10).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)

    return read


@pytest.fixture
def kinds() -> dict[str, str]:
    return {"revoked": SESSION_REVOKED, "changed": CREDENTIAL_CHANGE, "verification": VERIFICATION}


@contextmanager
def _stopped(receiver: Receiver) -> Iterator[None]:
    receiver.stop()
    try:
        yield
    finally:
        receiver.start()


@pytest.fixture
def away() -> Callable[[Receiver], Any]:
    """`with away(receiver)`: nobody listens there."""
    return _stopped
