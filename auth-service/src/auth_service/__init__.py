"""Accounts, sessions, signing and the OAuth endpoints."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Return the app with the settings of the environment, for `flask --app auth_service …`."""
    from auth_service.wsgi import app

    return app
