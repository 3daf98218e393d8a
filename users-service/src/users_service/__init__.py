"""Profiles: a resource server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Return the app that the environment configures, for `flask --app users_service …`."""
    from users_service.wsgi import app

    return app
