"""Products and orders: a resource server that calls another one on the user's behalf."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Return the app with the settings of the environment, for `flask --app orders_service …`."""
    from orders_service.wsgi import app

    return app
