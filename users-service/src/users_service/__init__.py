"""Profiles of customers: a resource server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Return the app with the settings of the environment, for `flask --app users_service …`."""
    from users_service.wsgi import app

    return app
