"""The Flask app behind the door: documentation, health; the console page and the browser session have their place here."""

import base64
import hashlib
from collections.abc import Mapping

from flask import Flask, Response, jsonify, redirect, render_template, url_for
from service_kit.observability import document_metrics, instrumentation
from service_kit.observability.health import Check, Health
from service_kit.web.problems import install

from gateway.openapi import Documents


def create_pages(documents: Documents, checks: Mapping[str, Check], stats: document_metrics.Stats) -> Flask:
    """Return the app; `checks` say when the gateway is not ready, `stats` how it stands with the issuer's documents."""
    app = Flask("gateway", static_folder=None)
    app.url_map.merge_slashes = False
    instrumentation.init_app(app)
    install(app, {})
    health = Health(checks)
    style = app.jinja_loader.get_source(app.jinja_env, "docs.css")[0] if app.jinja_loader else ""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )

    @app.get("/")
    def home() -> Response:
        return redirect(url_for("docs"), 302)  # type: ignore[return-value]

    @app.get("/livez")
    def livez() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        body, status = health.answer()
        return jsonify(body | {"documents": document_metrics.report(stats)}), status

    @app.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(documents.joined())

    @app.get("/docs")
    def docs() -> Response:
        page = render_template("docs.html", document=documents.joined(), style=style)
        return Response(
            page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy}
        )

    return app
