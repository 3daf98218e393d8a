"""The polls of all processes for a token, with services that answer what a test says."""

import asyncio
import json
import time

import pytest
from gateway.console.process_polls import ProcessPolls, Result
from gateway.errors import UNAUTHORIZED, Refusal
from gateway.http_client.service_calls import ServiceResponse
from gateway.routing.routes import load_routes
from testkit.token_signer import TokenSigner
from touchstone import KeySet, Policy, Verifier
from touchstone.errors import Unavailable

ISSUER = "http://localhost:8080"
AUDIENCES = ["users-service", "orders-service", "auth-service"]
TABLE = load_routes()
signer = TokenSigner(ISSUER, audience=AUDIENCES)
KEYS = KeySet.from_jwks(json.dumps(signer.jwks()).encode())


class Calls:
    """Answers each call with `answer`: a status and a problem's slug, or a Refusal."""

    def __init__(self, answer=(200, None)):
        self.answer = answer
        self.calls = []

    async def addresses(self, service):
        ports = [8082, 9082] if service == "users-service" else [8081] if service == "auth-service" else []
        return [f"http://127.0.0.1:{port}" for port in ports]

    async def __call__(self, service, method, target, headers, *, seconds, url):
        self.calls.append((service, method, target, url, *headers))
        if isinstance(self.answer, Refusal):
            raise self.answer
        status, slug = self.answer
        body = b"[]" if slug is None else json.dumps({"type": f"urn:touchstone:problem:{slug}"}).encode()
        return ServiceResponse(status, [], body)


class Authentication:
    """Accepts each token, or raises `refusal`."""

    refusal = None

    async def check(self, route, authorization):
        self.checked = route.audience, authorization
        if self.refusal is not None:
            raise self.refusal


def made(calls, keys=lambda: KEYS, authentication=None, *, demo=True):
    return ProcessPolls(
        issuer=ISSUER,
        own_address="127.0.0.1:8080",
        demo=demo,
        routes=TABLE,
        calls=calls,
        authentication=authentication or Authentication(),
        keys=keys,
    )


def polls_of(polls, token=None):
    token = token or signer.sign(signer.claims())
    claims = Verifier(Policy(ISSUER, AUDIENCES), lambda: KEYS).verify(signer.sign(signer.claims()))
    return asyncio.run(polls.of(token, claims))


def result(polls, service, lane="jwt"):
    (first, *_) = [each for each in polls if (each.service, each.lane) == (service, lane)]
    return asyncio.run(first.poll())


def test_each_process_has_a_poll():
    found = [(each.lane, each.service, each.address) for each in polls_of(made(Calls()))]
    assert found == [
        ("jwt", "auth-service", "127.0.0.1:8081"),
        ("jwt", "users-service", "127.0.0.1:8082"),
        ("jwt", "users-service", "127.0.0.1:9082"),
        ("jwt", "gateway", "127.0.0.1:8080"),
        ("jwt_plain", "gateway", "127.0.0.1:8080"),
    ]


def test_addresses_are_shown_in_the_demo_alone():
    found = [each.address for each in polls_of(made(Calls(), demo=False))]
    assert found == ["process 1", "process 1", "process 2", "process 1", "process 1"]


def test_poll_asks_the_process_with_the_token():
    calls = Calls()
    polls = polls_of(made(calls), "the-token")
    assert result(polls, "users-service") == Result("accepted")
    header = b"authorization: Bearer the-token"
    assert calls.calls == [("users-service", "GET", "/users/me", "http://127.0.0.1:8082", header)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, "revoked_token"), Result("refused", "revoked_token")),
        ((401, None), Result("refused")),
        ((403, "insufficient_scope"), Result("accepted")),
        ((404, "not_found"), Result("accepted")),
        ((503, "status_unavailable"), Result("unknown", "status_unavailable")),
        (Refusal("upstream_unavailable", "down"), Result("unknown", "upstream_unavailable")),
    ],
)
def test_answer_of_a_service_decides(answer, expected):
    assert result(polls_of(made(Calls(answer))), "users-service") == expected


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (None, Result("accepted")),
        (Refusal("revoked_token", "revoked", kind=UNAUTHORIZED), Result("refused", "revoked_token")),
        (Refusal("insufficient_scope", "no"), Result("accepted")),
        (Refusal("keys_unavailable", "no keys"), Result("unknown", "keys_unavailable")),
    ],
)
def test_verification_of_the_gateway_decides(refusal, expected):
    authentication = Authentication()
    authentication.refusal = refusal
    assert result(polls_of(made(Calls(), authentication=authentication), "t"), "gateway") == expected
    # The route of auth-service needs a confirmation (`fresh`), which says nothing of the token.
    assert authentication.checked == ("users-service", b"Bearer t")


def test_plain_verification_ignores_the_status():
    """Nothing is known of the token's status list here, and nothing is asked."""
    now = int(time.time())
    listed = polls_of(made(Calls()), signer.sign(signer.claims(status=7)))
    assert result(listed, "gateway", "jwt_plain") == Result("accepted")
    expired = polls_of(made(Calls()), signer.sign(signer.claims(iat=now - 900, exp=now - 600)))
    assert result(expired, "gateway", "jwt_plain") == Result("refused", "expired_token")


def test_plain_verification_without_keys_is_unknown():
    def keys():
        raise Unavailable(5)

    assert result(polls_of(made(Calls(), keys)), "gateway", "jwt_plain").state == "unknown"


def test_body_that_is_no_problem_has_no_slug():
    class Plain(Calls):
        async def __call__(self, *_arguments, **_options):
            return ServiceResponse(401, [], b"no")

    assert result(polls_of(made(Plain())), "users-service") == Result("refused")
