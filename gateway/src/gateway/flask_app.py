"""The Flask app for the gateway's own routes: console, documentation and health, called from ASGI with whole requests."""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

from flask import Flask, Response, jsonify
from service_kit.observability import document_metrics, instrumentation
from service_kit.observability.health import Check, Health
from service_kit.server.asgi import Message, environment, respond
from service_kit.web.problems import install

from gateway.api_docs import page
from gateway.api_docs.joined_document import JoinedDocument
from gateway.console import static_files
from gateway.headers import Headers

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def create_flask_app(
    document: JoinedDocument, checks: Mapping[str, Check], stats: document_metrics.Stats
) -> Flask:
    """Return the app; `checks` and the `stats` of the followed documents are what /readyz reports."""
    app = Flask("gateway", static_folder=None)
    app.url_map.merge_slashes = False
    instrumentation.init_app(app)
    install(app, {})
    app.register_blueprint(static_files.blueprint())
    app.register_blueprint(page.blueprint())
    health = Health(checks)

    @app.get("/livez")
    def livez() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        body, status = health.response()
        return jsonify(body | {"documents": document_metrics.report(stats)}), status

    @app.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(document.get())

    return app


def call_wsgi(app: WsgiApp, scope: Message, body: bytes) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of a WSGI app's response to a request that was read whole. Blocks."""
    environ = environment(scope) | {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    return respond(app, environ)
