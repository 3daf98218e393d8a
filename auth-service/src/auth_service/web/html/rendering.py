"""The pages that people see: one layout, one style sheet, no script, and the headers that hold them to it."""

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from flask import Response, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from touchstone.text import without_controls
from werkzeug.datastructures import Headers

from auth_service.web.html.scope_descriptions import SCOPES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

STYLE_PATH = "/oauth/pages.css"
STYLE = (files("auth_service.web.html") / "pages.css").read_bytes()
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:16]
HTML_RESPONSE = {"description": "An HTML page.", "content": {"text/html": {"schema": {"type": "string"}}}}
REDIRECT_RESPONSE = {"description": "A redirect."}
# A page that is opened elsewhere than at the issuer's address redirects there.
PAGE_RESPONSES: dict[Any, Any] = {200: HTML_RESPONSE, 303: REDIRECT_RESPONSE, 400: HTML_RESPONSE}
LONGEST_DETAIL = 1000
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_templates = Environment(
    loader=PackageLoader("auth_service.web.html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {"style": f"{STYLE_PATH}?v={STYLE_VERSION}", "scope_descriptions": SCOPES}


def page(template: str, status: int = 200, **facts: object) -> Response:
    """Render a page; it is never kept, never framed, runs no script and tells no other site where it was."""
    facts.setdefault("errors", {})
    response = Response(_templates.get_template(template).render(facts), status, mimetype="text/html")
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


def error_page(
    message: str,
    status: int = 400,
    *,
    title: str = "Something went wrong",
    advice: str = "Go back to the application that you came from, and try again there.",
    detail: str | None = None,
) -> Response:
    """Return a page that says what went wrong; `detail` is for the developer of the application."""
    detail = without_controls(detail or "")[:LONGEST_DETAIL]
    return page("error.html", status, title=title, message=message, advice=advice, detail=detail)


class ExactRedirect(Response):
    """A redirect that says its address as it is; werkzeug leaves out an empty host (`com.example.app://`), for one."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers to send."""
        headers = super().get_wsgi_headers(environ)
        headers["Location"] = self.headers["Location"]
        return headers


def sent_to(location: str) -> Response:
    """Send the browser on with a GET, keeping the address we had from the next site (RFC 9700 section 4.12).

    `location` is a URI, or a path of this service, in printable ASCII.
    """
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return ExactRedirect(status=303, headers=headers)


def back_to(location: str) -> Response:
    """Send the browser to an address of a client: after a form by a page that leads on by itself, else at once.

    For browsers hold ``form-action`` against every redirect that follows a form, the client's own ones included;
    allowing all those places would allow a form to send passwords there.
    """
    return page("redirect.html", location=location) if request.method == "POST" else sent_to(location)
