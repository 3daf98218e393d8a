"""The one public entry: routes, limits, the edge check, whole requests."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Return the Flask app with the door in front of it, for `flask --app gateway`."""
    from gateway.wsgi import app

    return app
