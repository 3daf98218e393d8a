"""The routes that every service has, and the request IDs of all answers."""

import pytest

SERVICES = ["auth-service", "users-service", "orders-service"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_livez_and_readyz_answer_200(each_service, path):
    answer = each_service("GET", path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/openapi.json", "/orders", "/users/me", "/no/such/place", "/login"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_answers_have_unique_request_ids(each_service, method, path):
    ids = [each_service(method, path).headers["X-Request-ID"] for _ in range(2)]

    assert all(ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize("given", ["x" * 5000, "a b", "<script>", "a\tb", "\xe4"])
def test_unsafe_request_id_is_replaced(each_service, given):
    answer = each_service("GET", "/livez", headers={"X-Request-ID": given.encode("latin-1")})

    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] != given


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_prometheus_text(cluster, client_at, service):
    own = client_at(cluster.urls[service])
    own("GET", "/livez")

    answer = own("GET", "/metrics")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "# TYPE " in answer.text


@pytest.mark.compose
@pytest.mark.parametrize(
    "path",
    [
        "/users/metrics",
        "/orders/metrics",
        "/users/../metrics",
        "/orders/%2e%2e/metrics",
        "/auth-service/metrics",
    ],
)
def test_metrics_are_hidden_by_gateway(gateway, raw_client, path):
    answer = raw_client(gateway.url)("GET", path)

    assert answer.status in (400, 401, 404)
    assert b"# TYPE" not in answer.body


@pytest.mark.compose
def test_problem_repeats_request_id(gateway):
    answer = gateway("GET", "/users/me")

    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
