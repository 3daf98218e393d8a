"""The console's files: read once, at start, and served from memory."""

from collections.abc import Mapping
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


class StaticFiles:
    """Files by name. A path is only looked up, so none leads out of a folder."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents
        self._etags = {name: sha256(content).hexdigest()[:32] for name, content in contents.items()}

    def respond(self, name: str) -> Response:
        """Return the response with a file, or without it if the browser has it; browsers ask with the ETag each time."""
        if name not in self._contents:
            abort(404)
        response = Response(self._contents[name], mimetype=MEDIA_TYPES[Path(name).suffix])
        response.headers["Cache-Control"] = "no-cache"
        response.set_etag(self._etags[name])
        response.make_conditional(request)
        return response


def blueprint(folder: Path = FOLDER) -> Blueprint:
    """Return the routes of the page and its files."""
    routes = Blueprint("console", __name__)
    files = StaticFiles(
        {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("*")
            if file.suffix in MEDIA_TYPES
        }
    )

    @routes.get("/")
    def page() -> Response:
        response = files.respond("index.html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @routes.get("/console/<path:name>")
    def file(name: str) -> Response:
        return files.respond(name)

    return routes
