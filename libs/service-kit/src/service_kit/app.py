"""The one way to make an API: an app that has all that every service of the house must have."""

from collections.abc import Mapping

from flask import Response, jsonify
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag
from prometheus_client import CollectorRegistry, ProcessCollector
from pydantic import BaseModel
from sqlalchemy import exc
from touchstone import Issuer
from touchstone.flask import Touchstone

from service_kit.observability import document_metrics, instrumentation, logs, metrics
from service_kit.observability.health import Check, Health
from service_kit.settings import ServiceSettings
from service_kit.web import request_validation
from service_kit.web.openapi import Api
from service_kit.web.problems import SERVICE_KIT_PROBLEMS, ProblemType, install

_UNAVAILABLE = ProblemType(
    503,
    "storage_unavailable",
    "The database is not available",
    "The database is not available.",
    retry_after=1,
)
_UNFIT_VALUE = ProblemType(
    422,
    "invalid_request",
    "The request has faults",
    "A value cannot be stored: it is too long, out of range, or holds a character that the database refuses.",
)
DATABASE_PROBLEMS: Mapping[type[Exception], ProblemType] = {
    exc.OperationalError: _UNAVAILABLE,
    exc.InterfaceError: _UNAVAILABLE,
    exc.TimeoutError: _UNAVAILABLE,
    exc.DataError: _UNFIT_VALUE,
}
THREADS = 48  # that answer requests; most of them wait, see service_kit.server.asgi
OPERATIONS = [Tag(name="operations", description="For whoever runs the service.")]


def create_api(  # noqa: PLR0913 - the chassis takes everything that services differ in, by name
    name: str,
    settings: ServiceSettings,
    *,
    title: str,
    version: str,
    checks: Mapping[str, Check] | None = None,
    problems: Mapping[type[Exception], ProblemType] | None = None,
    issuer: Issuer | None = None,
) -> Api:
    """Return an app with request ids, logs, metrics, health, problems, strict bodies and its OpenAPI document.

    `checks` say when the service is not ready; `problems` maps its domain errors; `issuer`, when given, guards the
    routes marked with `touchstone.flask.require`, is a readiness check of its own, and what is followed of it is told
    in /readyz and /metrics.
    """
    logs.configure(settings.log_level, name)
    package = name.replace("-", "_")  # what Flask looks for, not the folder of the same name as the service
    app = Api(package, info=Info(title=title, version=version))
    app.config.update(THREADS=THREADS, THREADS_AT_ONCE=1, READS_IN_LOOP=False)
    app.url_map.merge_slashes = False  # one path, one spelling: no redirect from //x to /x
    registry = app.extensions["metrics"] = CollectorRegistry()
    ProcessCollector(registry=registry)
    instrumentation.init_app(app, metrics.request_counter(registry), logs.write_request)
    request_validation.init_app(app, seconds=settings.body_timeout)
    app.after_request(_untyped_when_empty)
    install(app, {**SERVICE_KIT_PROBLEMS, **DATABASE_PROBLEMS, **(problems or {})})
    all_checks = dict(checks or {})
    if issuer is not None:
        all_checks["issuer"] = _guard(app, issuer)
        registry.register(document_metrics.DocumentMetrics(issuer.documents.stats))
    _operations(app, Health(all_checks), registry, None if issuer is None else issuer.documents.stats)
    return app


class Alive(BaseModel):
    """The process runs."""

    status: str


class Followed(BaseModel):
    """How it stands with a document of the issuer: `age` in seconds since the issuer confirmed it, the rest counts."""

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
    """Why no requests should be sent here, by check."""

    status: str
    reasons: dict[str, str]
    documents: dict[str, Followed] = {}


def _untyped_when_empty(response: Response) -> Response:
    """Remove the content type of an answer without a body: some clients parse any answer that has one."""
    if response.calculate_content_length() == 0:
        response.headers.pop("Content-Type", None)
    return response


def _guard(app: Api, issuer: Issuer) -> Check:
    Touchstone(app, issuer)
    return lambda: None if issuer.ready() else "no signing keys of the issuer yet"


def _operations(
    app: Api, health: Health, registry: CollectorRegistry, stats: document_metrics.Stats | None
) -> None:
    """Add the routes that every service has."""

    @app.get("/livez", tags=OPERATIONS, responses={200: Alive}, operation_id="livez")
    def livez() -> Response:
        """Tell that the process is up."""
        return jsonify(status="alive")

    @app.get("/readyz", tags=OPERATIONS, responses={200: Ready, 503: Unready}, operation_id="readyz")
    def readyz() -> tuple[Response, int]:
        """Tell whether the service can serve, and if not, why; and how it stands with the issuer's documents."""
        body, status = health.answer()
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
        """Read the metrics; never routed through the gateway."""
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
        """Read this document."""
        return jsonify(app.api_doc)
