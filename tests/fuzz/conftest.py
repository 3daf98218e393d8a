"""A cluster that may be shaken, and one way to shake it: what its own OpenAPI documents allow, and what they do not."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import jwt
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from testkit.callers import Person
from testkit.cluster import DEMO_PASSWORD
from testkit.preloaded import Cluster


def named_status(_context: Any, response: Any, case: Any) -> None:
    """Fail for a status that a document covers by its `default` alone, which would cover everything."""
    if str(response.status_code) not in case.operation.definition.raw["responses"]:
        raise Failure(
            operation=case.operation.label, title="Status not named", message=str(response.status_code)
        )


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SEED = 20260401
BOUND = 30  # seconds for one answer
ENDS_SESSIONS = ("/logout", "/account/", "/admin/sessions/", "/admin/accounts/")
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
# Words that mean something here, put in place of made-up ones, so that requests get past the first check.
WORDS: dict[str, list[Any]] = {
    "grant_type": [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:device_code",
    ],
    "client_id": ["cli", "console", "orders-service"],
    "redirect_uri": ["http://127.0.0.1:49152/callback"],
    "response_type": ["code"],
    "code_challenge": [CHALLENGE],
    "code_challenge_method": ["S256"],
    "code_verifier": [VERIFIER],
    "prompt": ["none", "login", "consent"],
    "scope": ["orders:read", "openid email", "users:read", "admin"],
    "subject_token_type": ["urn:ietf:params:oauth:token-type:access_token"],
    "client_assertion_type": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
    "limit": ["1", "100"],
}


@pytest.fixture(scope="package")
def shaken() -> Iterator[Cluster]:
    """A cluster of its own: others count orders, sessions and keys."""
    with Cluster({"RATE_LIMITS": "off"}) as cluster:
        yield cluster


@dataclass
class Shaker:
    """Sends what one document describes and keeps every answer that it does not."""

    document_url: str
    base_url: str
    examples: int
    callers: dict[str, Callable[[str], str | None]]  # by name: a token, or none, for a path
    words: dict[str, list[Any]]
    checks: list[Any]
    faults: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def __call__(self) -> dict[str, str]:
        """Shake every operation; what comes back is empty when all went as documented."""
        with requests.Session() as session:
            session.trust_env = False
            for result in schemathesis.openapi.from_url(self.document_url).get_all_operations():
                self._operation(result.ok(), session)
        return self.faults

    def _operation(self, operation: Any, session: requests.Session) -> None:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                self._run(operation, operation.as_strategy(generation_mode=mode), session)
            except (FailureGroup, hypothesis.errors.Unsatisfiable):
                continue  # written down already; or nothing can be wrong with what takes nothing

    def _run(self, operation: Any, strategy: Any, session: requests.Session) -> None:
        @hypothesis.seed(SEED)
        @hypothesis.settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=strategy, data=st.data())
        def shake(case: Any, data: Any) -> None:
            for part in (case.query, case.body):
                self._speak(part, data)
            caller = data.draw(st.sampled_from(sorted(self.callers)), label="who asks")
            token = self.callers[caller](operation.path)
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            self.asked += 1
            response = case.call(
                base_url=self.base_url,
                session=session,
                headers=headers,
                timeout=BOUND,
                allow_redirects=False,
            )
            try:
                case.validate_response(response, checks=self.checks)
            except FailureGroup as group:
                self._note(f"{operation.label} as {caller}", case, response, group)
                raise

        shake()

    def _note(self, name: str, case: Any, response: Any, group: FailureGroup) -> None:
        what = "; ".join(f"{each.title}: {each.message}" for each in group.exceptions)
        self.faults[name] = f"{what}\n{response.status_code} {response.text[:300]}\n{case.as_curl_command()}"

    def _speak(self, part: Any, data: Any) -> None:
        """Put words that mean something in place of some of the made-up ones."""
        if not isinstance(part, dict):
            return
        for name in sorted(set(part) & set(self.words)):
            if data.draw(st.booleans(), label=f"a known {name}"):
                part[name] = data.draw(st.sampled_from(self.words[name]), label=name)


@dataclass
class Caller:
    """Who shakes. Where a request may end the session it is another one, of an account to be thrown away."""

    lasting: Person
    passing: Person
    _passing: str | None = None

    def token(self, path: str) -> str:
        if not path.startswith(ENDS_SESSIONS):
            return self.lasting.token
        if self._passing is None or self._has_ended(self._passing):
            self._passing = str(self.passing.log_in()["access_token"])
        return self._passing

    def _has_ended(self, token: str) -> bool:
        """Ask, for the answer costs a tenth of a log-in."""
        return self.passing.door("GET", "/account/sessions", token=token).status_code != 200


@pytest.fixture(scope="package")
def callers(shaken, door) -> dict[str, Callable[[str], str | None]]:
    """A token, or none, for a path: as nobody, as a customer, as an administrator, and as a receiver of signals."""
    gate = door(shaken.gateway)
    passing = Person(gate, f"{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(16))
    answer = gate(
        "POST", "/accounts", json={"email": passing.email, "password": passing.password, "name": "Passing"}
    )
    assert answer.status_code == 201, answer.text
    receiver = receivers_token(shaken, gate)
    alice, admin = (Person(gate, f"{name}@example.com", DEMO_PASSWORD) for name in ("alice", "admin"))
    return {
        "nobody": lambda path: None,
        "a customer": Caller(alice, passing).token,
        "an administrator": Caller(admin, Person(gate, admin.email, DEMO_PASSWORD)).token,
        "a receiver": lambda path: receiver,
    }


def receivers_token(shaken: Cluster, gate: Any) -> str:
    """A client's own token, for streams of signals."""
    name, now = "signals-receiver", int(time.time())
    key = (shaken.keys_dir / "clients" / f"{name}.pem").read_text()
    claims = {"iss": name, "sub": name, "aud": shaken.issuer, "jti": secrets.token_hex(8), "iat": now}
    form = {
        "grant_type": "client_credentials",
        "audience": "auth-service",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({**claims, "exp": now + 60}, key, "RS256"),
    }
    answer = gate("POST", "/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture
def shake(shaken, callers) -> Callable[..., Shaker]:
    """`shake(service, examples)`: a Shaker of this service's own document; `examples` for each operation and mode."""

    def make(service: str, examples: int) -> Shaker:
        url = shaken.urls[service]
        words = {**WORDS, "email": ["alice@example.com"], "password": [DEMO_PASSWORD]}
        # The door answers for itself, too, on every route: its `default` says how.
        checks = CHECKS if service == "gateway" else [*CHECKS, named_status]
        return Shaker(f"{url}/openapi.json", url, examples, callers, words, checks)

    return make
