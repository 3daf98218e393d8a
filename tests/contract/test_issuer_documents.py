"""JWKS and status lists, at auth-service and through the gateway, and the reports of the services that follow them."""

import threading
import time

import pytest
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of

DOCUMENTS = {"/.well-known/jwks.json": "application/json", "/status-lists/1": "application/statuslist+jwt"}
VERIFIERS = ["users-service", "orders-service"]
FIGURES = {"age", "version", "fetches", "unchanged", "failures", "waits", "last_error"}


@pytest.fixture(
    params=[
        pytest.param("auth-service", id="direct"),
        pytest.param("gateway", id="gateway", marks=pytest.mark.compose),
    ]
)
def auth(request, cluster, client_at):
    return client_at(cluster.urls[request.param])


@pytest.mark.parametrize(("path", "media_type"), DOCUMENTS.items())
def test_document_has_etag_and_max_age(auth, path, media_type):
    answer = auth("GET", path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert "max-age=" in answer.headers["Cache-Control"]
    assert answer.headers["ETag"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_known_tag_is_304(auth, path):
    def same():
        tag = auth("GET", path).headers["ETag"]
        again = auth("GET", path, headers={"If-None-Match": tag})
        return again.status_code == 304 and again.content == b"" and again.headers["ETag"] == tag

    wait_for(same, what="two requests without a change between")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_prefer_wait_holds_request(auth, path):
    def held():
        tag = auth("GET", path).headers["ETag"]
        began = time.monotonic()
        answer = auth("GET", path, headers={"If-None-Match": tag, "Prefer": "wait=1"})
        waited = time.monotonic() - began >= 0.9 or answer.status_code == 200
        return waited and "wait" in answer.headers.get("Preference-Applied", "")

    wait_for(held, what="a long poll")


@pytest.mark.compose
def test_logout_ends_wait_for_list(gateway, new_user):
    token = new_user().log_in()["access_token"]
    path = claims_of(token)["status"]["status_list"]["uri"].removeprefix(claims_of(token)["iss"])
    tag = gateway("GET", path).headers["ETag"]
    answers = []

    def wait():
        known = tag
        while not answers:  # other changes end the wait, too
            answer = gateway("GET", path, headers={"If-None-Match": known, "Prefer": "wait=20"})
            if answer.status_code == 200:
                answers.append(answer)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert gateway("POST", "/logout", token=token).status_code == 204
    waiting.join(20)

    assert answers
    assert answers[0].headers["ETag"] != tag


@pytest.mark.parametrize(
    "path", ["/status-lists/999999", "/status-lists/0", "/status-lists/01", "/status-lists/x"]
)
def test_unknown_list_is_404(auth, path):
    answer = auth("GET", path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.compose
def test_lists_are_named_as_in_tokens(gateway, alice):
    listed = gateway("GET", "/status-lists").json()["status_lists"]

    assert claims_of(alice.token)["status"]["status_list"]["uri"] in listed


@pytest.mark.compose
def test_gateway_reports_age_of_documents(gateway, alice):
    # From now on the gateway follows the list.
    assert gateway("GET", "/orders", token=alice.token).status_code == 200

    documents = gateway("GET", "/readyz").json()["documents"]

    assert {"jwks", "status-lists/1"} <= documents.keys()
    assert all(each.keys() == FIGURES for each in documents.values())
    assert documents["jwks"]["age"] is not None


@pytest.mark.parametrize("service", VERIFIERS)
def test_service_reports_age_of_documents(cluster, client_at, alice, service):
    own = client_at(cluster.urls[service])
    own("GET", {"users-service": "/users/me", "orders-service": "/orders"}[service], token=alice.token)

    documents = own("GET", "/readyz").json()["documents"]

    assert {"jwks", "status-lists/1"} <= documents.keys()
    assert all(each.keys() == FIGURES for each in documents.values())


@pytest.mark.parametrize("service", VERIFIERS)
@pytest.mark.parametrize(
    "metric",
    [
        'touchstone_document_age_seconds{document="jwks"}',
        'touchstone_document_version{document="jwks"}',
        'touchstone_document_fetches_total{document="jwks",outcome="changed"}',
        'touchstone_document_fetches_total{document="jwks",outcome="unchanged"}',
        'touchstone_document_fetches_total{document="jwks",outcome="failed"}',
        'touchstone_document_waits_total{document="jwks"}',
    ],
)
def test_service_counts_fetches_of_documents(cluster, client_at, service, metric):
    text = client_at(cluster.urls[service])("GET", "/metrics").text

    assert any(line.startswith(f"{metric} ") for line in text.splitlines())
