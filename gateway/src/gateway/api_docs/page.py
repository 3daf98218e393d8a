"""The page /docs: Swagger UI over /openapi.json, from the package flask-swagger-ui, and its files."""

from importlib.resources import files
from typing import Final

from flask import Blueprint, Response

from gateway.console.static_files import StaticFiles

# React sets styles through the CSSOM, which needs no 'unsafe-inline'; Swagger UI's style sheet has pictures as `data:`.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
SWAGGER_UI: Final = ("swagger-ui.css", "swagger-ui-bundle.js")


def blueprint() -> Blueprint:
    """Return the routes of the page and its files."""
    routes = Blueprint("docs", __name__)
    package, own = files("flask_swagger_ui") / "dist", files(__package__) / "static"
    shown = StaticFiles(
        {name: (package / name).read_bytes() for name in SWAGGER_UI}
        | {file.name: file.read_bytes() for file in own.iterdir()}
    )

    @routes.get("/docs")
    def docs() -> Response:
        response = shown.respond("docs.html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @routes.get("/docs/<name>")
    def file(name: str) -> Response:
        return shown.respond(name)

    return routes
