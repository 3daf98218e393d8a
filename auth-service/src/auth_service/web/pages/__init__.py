"""The pages that people see: one layout, one style sheet, no script, and the headers that hold them to it."""

import hashlib
from collections.abc import Iterable
from importlib.resources import files

from flask import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from auth_service.web.pages.wording import SCOPES

STYLE_PATH = "/oauth/pages.css"
STYLE = (files("auth_service.web.pages") / "pages.css").read_bytes()
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:16]
HTML_RESPONSE = {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}
REDIRECT_RESPONSE = {"description": "Go on there."}
_templates = Environment(
    loader=PackageLoader("auth_service.web.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {"style": f"{STYLE_PATH}?v={STYLE_VERSION}", "scope_words": SCOPES}


def page(template: str, status: int = 200, *, form_targets: Iterable[str] = (), **facts: object) -> Response:
    """Render a page; it is never kept, never framed, runs no script and tells no other site where it was.

    ``form_targets`` are origins or schemes to which a form of this page may lead on, beside our own.
    """
    facts.setdefault("errors", {})
    response = Response(_templates.get_template(template).render(facts), status, mimetype="text/html")
    targets = " ".join(("'self'", *form_targets))
    response.headers.update(
        {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'self'; form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
            ),
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    return response


def error_page(message: str, status: int = 400, *, title: str = "This did not work") -> Response:
    """Tell the person at the browser what went wrong."""
    return page("error.html", status, title=title, message=message)


def sent_to(location: str) -> Response:
    """Send the browser on with a GET, keeping the address we had from the next site (RFC 9700 section 4.12)."""
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(status=303, headers=headers)
