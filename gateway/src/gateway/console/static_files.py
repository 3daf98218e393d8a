"""The console's files: read once, at start, and served from memory."""

from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, abort, request

FOLDER = Path(__file__).with_name("static")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# What the module `mimetypes` answers depends on the machine and on the version of Python.
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def blueprint(folder: Path = FOLDER) -> Blueprint:
    """Return the routes of the page and its files. A path is only looked up, so none leads out of the folder."""
    routes = Blueprint("console", __name__)
    contents = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.suffix in MEDIA_TYPES
    }
    etags = {name: sha256(content).hexdigest()[:32] for name, content in contents.items()}

    def respond(name: str) -> Response:
        if name not in contents:
            abort(404)
        response = Response(contents[name], mimetype=MEDIA_TYPES[Path(name).suffix])
        response.headers["Cache-Control"] = "no-cache"  # browsers ask with the ETag each time
        response.set_etag(etags[name])
        response.make_conditional(request)
        return response

    @routes.get("/")
    def page() -> Response:
        response = respond("index.html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @routes.get("/console/<path:name>")
    def file(name: str) -> Response:
        return respond(name)

    return routes
