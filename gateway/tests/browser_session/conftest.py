"""An authorization server that answers as a test says, and a browser that keeps cookies."""

import base64
import json
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from secrets import token_urlsafe
from urllib.parse import parse_qsl, urlsplit

import pytest
from testkit.token_signer import TokenSigner

ISSUER = "http://localhost:8080"
KEY, OLD_KEY = (base64.urlsafe_b64encode(each * 32).decode() for each in (b"n", b"o"))


@dataclass
class AuthService:
    """What auth-service answers at its token endpoint, `/account`, `/logout` and `/oauth/revoke`."""

    signer: TokenSigner
    lifetime: int = 300
    status: str = "200 OK"
    refused: bool = False
    grants: list = field(default_factory=list)
    log_outs: list = field(default_factory=list)
    log_out_statuses: list = field(default_factory=list)  # of the next ones
    account: dict = field(
        default_factory=lambda: {"sub": "alice", "name": "Alice", "email": "alice@example.com"}
    )
    revoked: list = field(default_factory=list)
    issued: list = field(default_factory=list)  # refresh tokens

    def respond(self, upstream):
        def answer(request, connection):
            path = urlsplit(request.target).path
            if path == "/oauth/token":
                self.grants.append(dict(parse_qsl(request.body.decode())))
                body, status = self.tokens()
            elif path == "/account":
                body, status = self.account, self.status
            elif path == "/logout":
                self.log_outs.append(request)
                usual = "204 No Content" if self.status == "200 OK" else self.status
                body, status = {}, self.log_out_statuses.pop(0) if self.log_out_statuses else usual
            elif path == "/oauth/revoke":
                self.revoked.append(dict(parse_qsl(request.body.decode()))["token"])
                body, status = {}, self.status
            else:
                upstream.echo(request, connection)
                return
            content = b"" if status.startswith("204") else json.dumps(body).encode()
            upstream.say(connection, content, status, "Content-Type: application/json")

        return answer

    def tokens(self):
        if self.refused:
            return {"error": "invalid_grant"}, "400 Bad Request"
        now = int(time.time())
        claims = {"aud": ["orders-service", "auth-service"], "iat": now, "exp": now + self.lifetime}
        token = self.signer.sign(self.signer.claims(**claims, scope="orders:read orders:write"))
        self.issued.append(token_urlsafe(32))
        return {"access_token": token, "refresh_token": self.issued[-1]}, self.status


@dataclass
class Browser:
    """Sends requests to the gateway with the cookies that it got; follows no redirect."""

    gateway: object
    cookies: dict = field(default_factory=dict)
    host: str = "localhost:8080"

    def __call__(self, method, target, *headers):
        own = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        lines = [f"Cookie: {own}"] if own else []
        response = self.gateway.request(method, target, *lines, *headers, host=self.host)
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                for morsel in SimpleCookie(value).values():
                    if morsel["max-age"] == "0":
                        self.cookies.pop(morsel.key, None)
                    else:
                        self.cookies[morsel.key] = morsel.value
        return response

    def log_in(self, target="/bff/login", **callback):
        query = self.begin(target)
        return self.complete(query["state"], **callback)

    def begin(self, target="/bff/login"):
        location = self("GET", target)["location"]
        assert location.startswith("/oauth/authorize?")
        return dict(parse_qsl(location.partition("?")[2]))

    def complete(self, state, code="c-1", iss=ISSUER):
        return self("GET", f"/bff/callback?code={code}&state={state}&iss={iss}")


@pytest.fixture(scope="module")
def running(start, _upstream):
    with start(_upstream.url, rate_limits=False, bff_keys=f"{KEY},{OLD_KEY}") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def _upstream(make_upstream):
    made = make_upstream()
    yield made
    made.close()


@pytest.fixture
def upstream(_upstream):
    _upstream.reset()
    return _upstream


@pytest.fixture
def auth_service(signer, upstream):
    made = AuthService(signer)
    upstream.respond = made.respond(upstream)
    return made


@pytest.fixture
def browser(running, auth_service):
    return Browser(running)


@pytest.fixture
def another_browser(running):
    return Browser(running)
