"""The Flask app for the gateway's own routes: console, documentation and health, called from ASGI with whole requests."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

from flask import Flask, Response, jsonify, render_template
from service_kit.observability import document_metrics, instrumentation
from service_kit.observability.health import Check, Health
from service_kit.server.asgi import Message, environment, respond
from service_kit.web.problems import install

from gateway.console import static_files
from gateway.headers import Headers
from gateway.openapi import JoinedDocument

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
    health = Health(checks)
    style = app.jinja_loader.get_source(app.jinja_env, "docs.css")[0] if app.jinja_loader else ""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )

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

    @app.get("/docs")
    def docs() -> Response:
        page = render_template("docs.html", document=document.get(), style=style)
        return Response(
            page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy}
        )

    return app


def call_wsgi(app: WsgiApp, scope: Message, body: bytes) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of a WSGI app's response to a request that was read whole. Blocks."""
    environ = environment(scope) | {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    return respond(app, environ)
