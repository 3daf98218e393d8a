"""The routes that every service has."""

import pytest
from service_kit.app import create_api
from testkit.token_verifier import FakeTokenVerifier
from touchstone import DocumentStats


def test_livez_is_200(client):
    assert client.get("/livez").json == {"status": "alive"}


def test_readyz_without_checks_is_200(client):
    assert client.get("/readyz").json == {"status": "ready"}


def test_readyz_with_failing_check_is_503(settings):
    app = create_api(
        "x", settings, title="X", version="1", checks={"db": lambda: "asleep", "ok": lambda: None}
    )
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "unready", "reasons": {"db": "asleep"}})


def test_readyz_checks_issuer(settings):
    tokens = FakeTokenVerifier("x")
    tokens.keys = False
    app = create_api("x", settings, title="X", version="1", issuer=tokens)
    assert app.test_client().get("/readyz").json["reasons"] == {"issuer": "no signing keys of the issuer yet"}


@pytest.mark.parametrize("ready", [True, False])
def test_readyz_has_documents_ready_or_not(settings, ready):
    tokens = FakeTokenVerifier("x")
    tokens.keys = ready
    tokens.documents.found = [DocumentStats("jwks", 1.5, 1, 4, 2, 1, 2, "ConnectionError")]
    client = create_api("x", settings, title="X", version="1", issuer=tokens).test_client()
    assert client.get("/readyz").json["documents"] == {
        "jwks": {
            "age": 1.5, "version": 1, "fetches": 4, "unchanged": 2, "failures": 1, "waits": 2,
            "last_error": "ConnectionError",
        }
    }  # fmt: skip
    assert 'touchstone_document_age_seconds{document="jwks"} 1.5' in client.get("/metrics").text


def test_no_docs_page_is_served(app):
    rules = {str(rule) for rule in app.url_map.iter_rules()}
    assert rules == {
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/things",
        "/things/<number>",
        "/plain",
        "/breaks",
    }
