"""Renders pages: one layout, one style sheet, no script, and headers that enforce this."""

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from flask import Response, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from touchstone.text import without_controls
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

STYLE_PATH = "/oauth/pages.css"
STYLE = (files("auth_service.web.html") / "pages.css").read_bytes()
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:16]
MAX_DETAIL = 1000  # characters
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_templates = Environment(
    loader=PackageLoader("auth_service.web.html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["style"] = f"{STYLE_PATH}?v={STYLE_VERSION}"


def page(template: str, status: int = 200, **context: object) -> Response:
    """Return a rendered page that is not cached, framed or scripted, and sends no referrer."""
    context.setdefault("errors", {})
    response = Response(_templates.get_template(template).render(context), status, mimetype="text/html")
    response.headers.update(
        {
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    return response


def result_page(title: str, message: str) -> Response:
    """Return a page that says what was done."""
    return page("result.html", title=title, message=message)


def error_page(
    message: str,
    status: int = 400,
    *,
    title: str = "Something went wrong",
    advice: str = "Go back to the application that you came from, and try again there.",
    detail: str | None = None,
) -> Response:
    """Return a page that says what went wrong; `detail` is for the developer of the application."""
    detail = without_controls(detail or "")[:MAX_DETAIL]
    return page("error.html", status, title=title, message=message, advice=advice, detail=detail)


class ExactRedirect(Response):
    """A redirect to exactly this address; werkzeug would drop an empty host, as in `com.example.app://`."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers to send."""
        headers = super().get_wsgi_headers(environ)
        headers["Location"] = self.headers["Location"]
        return headers


def redirect_to(location: str) -> Response:
    """Redirect the browser with a GET and without a referrer (RFC 9700 section 4.12).

    `location` is a URI, or a path of this service, in printable ASCII.
    """
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return ExactRedirect(status=303, headers=headers)


def redirect_to_client(location: str) -> Response:
    """Redirect the browser to a client; after a form, by a page that refreshes itself.

    Browsers apply `form-action` to every redirect after a form, also to the client's own. Allowing all these places would
    allow a form that sends passwords there.
    """
    return page("redirect.html", location=location) if request.method == "POST" else redirect_to(location)
