"""The one public door: routes, limits, the edge check, streaming."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Return the Flask app behind the door, for `flask --app gateway`."""
    from gateway.wsgi import flask_app

    return flask_app
