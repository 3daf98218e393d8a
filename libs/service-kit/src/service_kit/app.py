"""Make the Flask app of a service, with everything that all services have."""

from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING

from flask import Response
from flask_openapi3.models.info import Info
from prometheus_client import CollectorRegistry, ProcessCollector
from sqlalchemy import Engine, exc
from touchstone import Issuer
from touchstone.flask import Touchstone

from service_kit.database import database_check, threads_at_once
from service_kit.observability import instrumentation, logs, metrics
from service_kit.observability.document_metrics import DocumentMetrics
from service_kit.observability.health import Check, Health
from service_kit.server.shutdown import draining
from service_kit.settings import ServiceSettings
from service_kit.web import operations, request_validation
from service_kit.web.openapi import Api
from service_kit.web.problems import SERVICE_KIT_PROBLEMS, ProblemType, install

if TYPE_CHECKING:
    from service_kit.observability.tracing import Tracing

STORAGE_UNAVAILABLE = ProblemType(
    503,
    "storage_unavailable",
    "The database is not available",
    "The database did not answer in time. Try again later.",
    retry_after=1,
)
_UNFIT_VALUE = ProblemType(
    422,
    "invalid_request",
    "The request is invalid",
    "A value cannot be stored: it is too long, out of range, or has a character that the database refuses.",
)
DATABASE_PROBLEMS: Mapping[type[Exception], ProblemType] = {
    exc.OperationalError: STORAGE_UNAVAILABLE,
    exc.InterfaceError: STORAGE_UNAVAILABLE,
    exc.TimeoutError: STORAGE_UNAVAILABLE,
    exc.DataError: _UNFIT_VALUE,
}
THREADS = 48  # for requests; most of them wait, see service_kit.server.asgi


def create_api(  # noqa: PLR0913 - everything that services differ in, by name
    name: str,
    settings: ServiceSettings,
    *,
    title: str,
    version: str | None = None,
    engine: Engine | None = None,
    reads_in_loop: bool = False,
    checks: Mapping[str, Check] | None = None,
    problems: Mapping[type[Exception], ProblemType] | None = None,
    issuer: Issuer | None = None,
) -> Api:
    """Return an app with request ids, logs, metrics, health, problems, strict JSON and its OpenAPI document.

    `name` is the distribution's, whose version is the default. The database of `engine` is a readiness check, and
    decides how many threads run at once; `reads_in_loop` lets GET requests run in the event loop while it is SQLite
    (see `server.asgi`). `checks` are further readiness checks, `problems` maps the service's errors. `issuer` verifies
    the tokens of routes marked with `touchstone.flask.require`; it is a readiness check too, and the state of its
    documents is shown in /readyz and /metrics.
    """
    logs.configure(settings.log_level, name)
    package = name.replace("-", "_")  # what Flask looks for, not the folder of the same name as the service
    app = Api(package, info=Info(title=title, version=version or metadata.version(name)))
    app.config.update(
        THREADS=THREADS, THREADS_AT_ONCE=1, READS_IN_LOOP=False, DRAIN_SECONDS=settings.drain_seconds
    )
    app.url_map.merge_slashes = False  # one path, one spelling: no redirect from //x to /x
    registry = app.extensions["metrics"] = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(metrics.LogMetrics())
    tracing = tracing_for(settings, name)
    instrumentation.init_app(
        app,
        metrics.request_counter(registry),
        logs.write_request,
        server_timing=settings.server_timing,
        tracing=tracing,
    )
    request_validation.init_app(app, seconds=settings.body_timeout)
    app.after_request(_untyped_when_empty)
    install(app, {**SERVICE_KIT_PROBLEMS, **DATABASE_PROBLEMS, **(problems or {})})
    all_checks = dict(checks or {})
    if settings.drain_seconds:
        all_checks["server"] = draining()
    if engine is not None:
        app.extensions["engine"] = engine
        if tracing is not None:
            tracing.trace_statements(engine)
        app.config["THREADS_AT_ONCE"] = threads_at_once(engine)
        app.config["READS_IN_LOOP"] = reads_in_loop and engine.dialect.name == "sqlite"
        all_checks["database"] = database_check(engine)
    if issuer is not None:
        Touchstone(app, issuer)
        all_checks["issuer"] = lambda: None if issuer.ready() else "no signing keys of the issuer yet"
        registry.register(DocumentMetrics(issuer.documents.stats))
    operations.register(app, Health(all_checks), registry, None if issuer is None else issuer.documents.stats)
    return app


def tracing_for(settings: ServiceSettings, service: str) -> "Tracing | None":
    """Return what makes spans, None if tracing is off; only then OpenTelemetry is not imported."""
    if not settings.traces:
        return None
    from service_kit.observability.tracing import Tracing

    return Tracing(service)


def _untyped_when_empty(response: Response) -> Response:
    """Remove the content type of a response without a body: some clients parse any response that has one."""
    if response.calculate_content_length() == 0:
        response.headers.pop("Content-Type", None)
    return response
