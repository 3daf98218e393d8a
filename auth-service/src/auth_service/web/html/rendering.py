"""Renders pages: one layout, one style sheet, no script, and headers that enforce this."""

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from flask import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from touchstone.text import without_controls
from werkzeug.datastructures import Headers

from auth_service.web.html.content_security_policy import page_policy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

STYLE_PATH = "/oauth/pages.css"
STYLE = (files("auth_service.web.html") / "pages.css").read_bytes()
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:16]
MAX_DETAIL = 1000  # characters
_templates = Environment(
    loader=PackageLoader("auth_service.web.html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["style"] = f"{STYLE_PATH}?v={STYLE_VERSION}"


def sentence(text: str) -> str:
    """Return an error's text as a sentence for a page."""
    return f"{text[:1].upper()}{text[1:]}."


_templates.filters["sentence"] = sentence


def page(template: str, status: int = 200, *, redirect_uri: str | None = None, **context: object) -> Response:
    """Return a rendered page that is not cached, framed or scripted, and sends no referrer.

    With `redirect_uri` its forms may end at that address of a client.
    """
    context.setdefault("errors", {})
    response = Response(_templates.get_template(template).render(context), status, mimetype="text/html")
    response.headers.update(
        {
            "Content-Security-Policy": page_policy(redirect_uri),
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    return response


def result_page(title: str, message: str, *, login: str = "", back: str = "", demo: bool = False) -> Response:
    """Return a page that says what was done.

    It leads to the log-in at `login` as the next step, or `back` to it; `demo` says where mails are.
    """
    return page("result.html", title=title, message=message, login=login, back=back, demo=demo)


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
