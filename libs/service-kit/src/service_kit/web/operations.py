"""The routes that every service has: liveness, readiness, metrics and the OpenAPI document."""

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from service_kit.observability import document_metrics, metrics
from service_kit.observability.health import Health
from service_kit.web.openapi import Api

OPERATIONS = [Tag(name="operations", description="For operators.")]


class Alive(BaseModel):
    """The process runs."""

    status: str


class Followed(BaseModel):
    """The state of a document of the issuer: `age` is the seconds since the issuer confirmed it, the rest are counts."""

    age: float | None
    version: int
    fetches: int
    unchanged: int
    failures: int
    waits: int
    last_error: str | None


class Ready(BaseModel):
    """The service can serve."""

    status: str
    documents: dict[str, Followed] = {}


class Unready(BaseModel):
    """Why the service cannot serve, by check."""

    status: str
    reasons: dict[str, str]
    documents: dict[str, Followed] = {}


def register(
    app: Api, health: Health, registry: CollectorRegistry, stats: document_metrics.Stats | None
) -> None:
    """Add the routes; `stats` are those of the issuer's documents, if the service follows any."""

    @app.get("/livez", tags=OPERATIONS, responses={200: Alive}, operation_id="livez")
    def livez() -> Response:
        """Return 200 while the process is up."""
        return jsonify(status="alive")

    @app.get("/readyz", tags=OPERATIONS, responses={200: Ready, 503: Unready}, operation_id="readyz")
    def readyz() -> tuple[Response, int]:
        """Return whether the service can serve and why not, and the state of the issuer's documents."""
        body, status = health.response()
        return jsonify(
            body if stats is None else body | {"documents": document_metrics.report(stats)}
        ), status

    @app.get(
        "/metrics",
        tags=OPERATIONS,
        operation_id="metrics",
        responses={
            200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
        },
    )
    def read_metrics() -> Response:
        """Return the metrics; the gateway does not route this path."""
        return metrics.metrics_response(registry)

    @app.get(
        "/openapi.json",
        tags=OPERATIONS,
        operation_id="openapi",
        responses={
            200: {
                "description": "OpenAPI 3.1",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )
    def openapi() -> Response:
        """Return this document."""
        return jsonify(app.api_doc)
