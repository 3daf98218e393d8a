"""A cluster of its own, and requests generated from the services' OpenAPI documents, valid and invalid ones."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
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
from testkit.cluster import DEMO_PASSWORD
from testkit.forked_cluster import ForkedCluster
from testkit.oauth_clients import ACCESS_TOKEN_TYPE, CALLBACK, JWT_BEARER, TOKEN_EXCHANGE, ConfidentialClient
from testkit.user import User


def named_status(_context: Any, response: Any, case: Any) -> None:
    """Fail for a status that the document describes by its `default` only, which would allow any status."""
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
TIMEOUT_SECONDS = 30  # for one answer
ENDS_SESSIONS = ("/logout", "/account/", "/admin/sessions/", "/admin/accounts/")
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
# Meaningful values, put in place of some generated ones, so that requests pass the first checks.
VALUES: dict[str, list[Any]] = {
    "grant_type": [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        TOKEN_EXCHANGE,
        "urn:ietf:params:oauth:grant-type:device_code",
    ],
    "client_id": ["cli", "console", "orders-service"],
    "redirect_uri": [CALLBACK],
    "response_type": ["code"],
    "code_challenge": [CHALLENGE],
    "code_challenge_method": ["S256"],
    "code_verifier": [VERIFIER],
    "prompt": ["none", "login", "consent"],
    "scope": ["orders:read", "openid email", "users:read", "admin"],
    "subject_token_type": [ACCESS_TOKEN_TYPE],
    "client_assertion_type": [JWT_BEARER],
    "limit": ["1", "100"],
}


@pytest.fixture(scope="package")
def fuzzed_cluster() -> Iterator[ForkedCluster]:
    """A cluster whose orders, sessions and keys no other test counts."""
    with ForkedCluster({"RATE_LIMITS": "off"}) as cluster:
        yield cluster


@dataclass
class Fuzzer:
    """Sends what one OpenAPI document describes, and keeps the answers that it does not describe."""

    document_url: str
    base_url: str
    examples: int
    callers: dict[str, Callable[[str], str | None]]  # by name: the token for a path, or None
    values: dict[str, list[Any]]
    checks: list[Any]
    faults: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    def __call__(self) -> dict[str, str]:
        """Send requests for every operation, and return the faults."""
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
                continue  # already in `faults`; or no request can be invalid, as the operation has no parameters

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
        def send(case: Any, data: Any) -> None:
            for part in (case.query, case.body):
                self._replace_values(part, data)
            caller = data.draw(st.sampled_from(sorted(self.callers)), label="caller")
            token = self.callers[caller](operation.path)
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            self.sent += 1
            response = case.call(
                base_url=self.base_url,
                session=session,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            try:
                case.validate_response(response, checks=self.checks)
            except FailureGroup as group:
                self._note(f"{operation.label} as {caller}", case, response, group)
                raise

        send()

    def _note(self, name: str, case: Any, response: Any, group: FailureGroup) -> None:
        what = "; ".join(f"{each.title}: {each.message}" for each in group.exceptions)
        self.faults[name] = f"{what}\n{response.status_code} {response.text[:300]}\n{case.as_curl_command()}"

    def _replace_values(self, part: Any, data: Any) -> None:
        """Replace some generated values with meaningful ones."""
        if not isinstance(part, dict):
            return
        for name in sorted(set(part) & set(self.values)):
            if data.draw(st.booleans(), label=f"a known {name}"):
                part[name] = data.draw(st.sampled_from(self.values[name]), label=name)


@dataclass
class Caller:
    """The tokens of `user`, but of `other` where a request may end the session or change the account."""

    user: User
    other: User
    _token: str | None = None

    def token(self, path: str) -> str:
        if not path.startswith(ENDS_SESSIONS):
            return self.user.token
        if self._token is None or self._has_ended(self._token):
            self._token = str(self.other.log_in()["access_token"])
        return self._token

    def _has_ended(self, token: str) -> bool:
        """Return whether the token is refused; this costs a tenth of a log-in."""
        return self.other.client("GET", "/account/sessions", token=token).status_code != 200


@pytest.fixture(scope="package")
def callers(fuzzed_cluster, client_at) -> dict[str, Callable[[str], str | None]]:
    """The token for a path, or None, of each kind of caller."""
    gateway = client_at(fuzzed_cluster.gateway)
    alice, admin = (User(gateway, f"{name}@example.com", DEMO_PASSWORD) for name in ("alice", "admin"))
    receiver = ConfidentialClient.from_keys_dir(
        fuzzed_cluster.keys_dir, "signals-receiver", gateway, fuzzed_cluster.issuer
    )
    answer = receiver.client_credentials(audience="auth-service")
    assert answer.status_code == 200, answer.text
    receiver_token = str(answer.json()["access_token"])
    return {
        "anonymous": lambda path: None,
        "a customer": Caller(alice, User.register(gateway, name="Passing")).token,
        "an administrator": Caller(admin, User(gateway, admin.email, DEMO_PASSWORD)).token,
        "a receiver": lambda path: receiver_token,
    }


@pytest.fixture
def make_fuzzer(fuzzed_cluster, callers) -> Callable[..., Fuzzer]:
    """`make_fuzzer(service, examples)`: a fuzzer of this service; `examples` for each operation and mode."""

    def make(service: str, examples: int) -> Fuzzer:
        url = fuzzed_cluster.urls[service]
        values = {**VALUES, "email": ["alice@example.com"], "password": [DEMO_PASSWORD]}
        # On every route the gateway may also answer itself, as its `default` describes.
        checks = CHECKS if service == "gateway" else [*CHECKS, named_status]
        return Fuzzer(f"{url}/openapi.json", url, examples, callers, values, checks)

    return make
