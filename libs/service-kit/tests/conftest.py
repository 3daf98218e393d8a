"""The app of most tests, and the server that it calls."""

import json
import logging

import pytest
import structlog
from flask.testing import FlaskClient
from pydantic import BaseModel, ConfigDict, SecretStr
from service_kit.app import create_api
from service_kit.settings import ServiceSettings
from service_kit.web.openapi import Api
from service_kit.web.request_validation import validated
from testkit.upstream import FakeUpstream


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    secret: SecretStr | None = None
    count: int = 1


class Query(BaseModel):
    limit: int = 20
    tag: list[str] = []


class Path(BaseModel):
    number: int


@pytest.fixture
def settings(monkeypatch) -> ServiceSettings:
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return ServiceSettings()


@pytest.fixture(autouse=True)
def _logging_as_before():
    yield
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [h for h in root.handlers if type(h).__module__ == "service_kit.observability.logs"]:
        root.removeHandler(handler)


@pytest.fixture
def app(settings) -> Api:
    app = create_api("test-service", settings, title="Test", version="1.2.3")

    @app.post("/things", security=[{"bearer": []}])
    @validated
    def make(body: Body):
        return {"name": body.name, "count": body.count}

    @app.get("/things/<number>")
    @validated
    def look(path: Path, query: Query):
        return {"number": path.number, "limit": query.limit, "tag": query.tag}

    @app.post("/plain")
    def plain(body: Body):
        return {"name": body.name}

    @app.route("/breaks")
    def breaks():
        raise RuntimeError("a secret of the inside")

    return app


@pytest.fixture
def client(app) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def upstream():
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def slug():
    """Check that a response is a problem, and return the end of its type."""

    def slug(response) -> str:
        assert response.content_type == "application/problem+json"
        body = json.loads(response.data)
        assert body["status"] == response.status_code
        assert body["request_id"] == response.headers["X-Request-ID"]
        return body["type"].removeprefix("urn:touchstone:problem:")

    return slug
