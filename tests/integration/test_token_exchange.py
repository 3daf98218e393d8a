"""Token exchange (RFC 8693): a service acts for a user, with fewer rights than the user."""

import pytest
import requests
from testkit.oauth_clients import ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE
from testkit.token_signer import TokenSigner, claims_of
from testkit.upstream import Answer, FakeUpstream


@pytest.fixture
def orders(confidential_client):
    return confidential_client("orders-service")


def test_exchanged_token_names_user_and_actor(orders, alice):
    subject = claims_of(alice.token)

    answer = orders.exchange(alice.token, scope="profile:read")

    assert answer.status_code == 200, answer.text
    token = claims_of(answer.json()["access_token"])
    assert token["act"] == {"sub": "orders-service"}
    assert token["aud"] == "users-service"
    assert token["scope"] == "profile:read"
    assert token["client_id"] == "orders-service"
    same = ["iss", "sub", "sid", "auth_time", "roles"]
    assert {name: token[name] for name in same} == {name: subject[name] for name in same}
    assert token["exp"] <= subject["exp"]
    assert token["jti"] != subject["jti"]


def test_answer_has_token_type_and_no_refresh_token(orders, alice):
    answer = orders.exchange(alice.token).json()

    assert answer["issued_token_type"] == ACCESS_TOKEN_TYPE
    assert answer["token_type"] == "Bearer"
    assert "refresh_token" not in answer


def test_scope_defaults_to_what_both_may(orders, alice):
    token = claims_of(orders.exchange(alice.token).json()["access_token"])

    assert set(token["scope"].split()) <= set(claims_of(alice.token)["scope"].split())
    assert "orders:write" not in token["scope"]


def test_exchanged_token_opens_only_its_audience(orders, alice, gateway):
    token = orders.exchange(alice.token).json()["access_token"]

    assert gateway("GET", "/users/me", token=token).json()["sub"] == alice.sub
    assert gateway("GET", "/orders", token=token).status_code == 401
    assert gateway("POST", "/logout", token=token).status_code == 401
    assert gateway("PATCH", "/users/me", token=token, json={"name": "X"}).status_code == 403


REFUSED = {
    "more scope than the user has": ({"scope": "users:read"}, "invalid_scope"),
    "an unknown scope": ({"scope": "everything"}, "invalid_scope"),
    "an audience that the client is not registered for": ({"audience": "auth-service"}, "invalid_target"),
    "an unknown audience": ({"audience": "unknown"}, "invalid_target"),
    "its own audience": ({"audience": "orders-service"}, "invalid_target"),
    "a malformed token": ({"subject_token": "x.y.z"}, "invalid_request"),
    "no token": ({"subject_token": ""}, "invalid_request"),
    "another type of token": (
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        "invalid_request",
    ),
    "no type of token": ({"subject_token_type": ""}, "invalid_request"),
    "a refresh token in return": (
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        "invalid_request",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_wrong_request_is_refused(orders, alice, case):
    form, error = REFUSED[case]

    answer = orders.exchange(**{"subject_token": alice.token, **form})

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"


def test_forged_subject_token_is_refused(orders, alice):
    forged = TokenSigner(issuer=claims_of(alice.token)["iss"]).sign(claims_of(alice.token))

    assert orders.exchange(forged).json()["error"] == "invalid_request"


def test_subject_token_for_other_service_is_refused(orders, alice):
    narrow = alice.log_in(resource="users-service")["access_token"]

    assert orders.exchange(narrow).json()["error"] == "invalid_request"


def test_narrow_subject_token_cannot_widen_audience(orders, alice):
    narrow = alice.log_in(resource="orders-service")["access_token"]

    assert orders.exchange(narrow).json()["error"] == "invalid_target"


def test_exchanged_token_cannot_be_exchanged_back(orders, alice):
    exchanged = orders.exchange(alice.token).json()["access_token"]

    assert orders.exchange(exchanged, audience="orders-service").status_code == 400


def test_exchange_after_logout_is_refused(orders, alice, gateway):
    token = alice.log_in()["access_token"]
    assert gateway("POST", "/logout", token=token).status_code == 204

    assert orders.exchange(token).json()["error"] == "invalid_request"


UNPROVEN = {
    "for another server": {"aud": "http://elsewhere.example"},
    "by another client": {"iss": "introspector", "sub": "introspector"},
    "of the past": {"exp": 1_600_000_000},
    "without a name": {"jti": ""},
    "good for days": {"exp": 4_000_000_000},
}


@pytest.mark.parametrize("kind", list(UNPROVEN))
def test_wrong_client_assertion_is_refused(orders, alice, kind):
    answer = orders.exchange(alice.token, client_assertion=orders.assertion(**UNPROVEN[kind]))

    assert (answer.status_code, answer.json()["error"]) in [(401, "invalid_client"), (400, "invalid_client")]


def test_client_assertion_is_single_use(orders, alice):
    assertion = orders.assertion()

    answers = [orders.exchange(alice.token, client_assertion=assertion) for _ in range(2)]

    assert answers[0].status_code == 200
    assert answers[1].json()["error"] == "invalid_client"


def test_other_client_may_not_exchange(confidential_client, alice):
    assert confidential_client("introspector").exchange(alice.token).json()["error"] in (
        "unauthorized_client",
        "invalid_request",
    )


def test_public_client_may_not_exchange(gateway, alice):
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": alice.token}

    answer = gateway("POST", "/oauth/token", data={**form, "audience": "users-service", "client_id": "cli"})

    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("unauthorized_client", "invalid_client", "invalid_request")


def test_client_credentials_token_has_no_user(confidential_client):
    answer = confidential_client("orders-service").client_credentials()

    assert answer.status_code == 200, answer.text
    token = claims_of(answer.json()["access_token"])
    assert token["sub"] == "orders-service"
    assert token["aud"] == "users-service"
    assert "sid" not in token
    assert "act" not in token
    assert "refresh_token" not in answer.json()


class RecordingProxy(FakeUpstream):
    """Passes GET requests on to `target`, and keeps them."""

    def __init__(self, target):
        self.target = target
        super().__init__()

    def answer(self, request):
        self.received.append(request)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "connection")}
        answer = requests.get(self.target + request.path, headers=headers, timeout=10)
        return Answer(answer.status_code, answer.content, {"Content-Type": answer.headers["Content-Type"]})


@pytest.fixture(scope="module")
def proxy(cluster):
    with RecordingProxy(cluster.urls["users-service"]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def own(cluster, launch, ready, proxy, client_at, tmp_path_factory):
    """An orders-service that calls users-service through the proxy."""
    database = tmp_path_factory.mktemp("orders") / "orders.db"
    own = {"USERS_URL": proxy.url, "DATABASE_URL": f"sqlite:///{database}"}
    settings = cluster.environment("orders-service") | own
    command = ("flask", "--app", "orders_service.wsgi", "run", "--port", "{port}")
    return client_at(ready(launch(*command, **settings)).url)


@pytest.fixture
def received(proxy):
    """The requests to users-service during this test."""
    proxy.received.clear()
    return proxy.received


def test_orders_service_never_sends_users_token(own, received, alice, place_order):
    assert place_order(alice.token, at=own).status_code == 201

    (request,) = received
    sent = request.headers["Authorization"].removeprefix("Bearer ")
    assert (request.method, request.path) == ("GET", "/users/me")
    assert sent != alice.token
    claims = claims_of(sent)
    assert claims["act"] == {"sub": "orders-service"}
    assert (claims["aud"], claims["scope"]) == ("users-service", "profile:read")
    assert (claims["sub"], claims["sid"]) == (alice.sub, claims_of(alice.token)["sid"])


def test_request_id_and_trace_are_passed_on(own, received, alice, sku):
    trace = "0af7651916cd43dd8448eb211c80319c"
    names = {"X-Request-ID": "a-request-of-the-tests", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}

    own("POST", "/orders", token=alice.token, json={"items": [{"sku": sku, "quantity": 1}]}, headers=names)

    (request,) = received
    assert request.headers["X-Request-ID"] == "a-request-of-the-tests"
    assert request.headers["traceparent"].startswith(f"00-{trace}-")
    assert request.headers["traceparent"] != names["traceparent"]


def test_exchanged_token_is_cached(own, received, alice, bob, place_order):
    for user in (alice, alice, bob, alice):
        assert place_order(user.token, at=own).status_code == 201

    sent = [request.headers["Authorization"] for request in received]
    assert sent[0] == sent[1] == sent[3]
    assert sent[2] != sent[0]
