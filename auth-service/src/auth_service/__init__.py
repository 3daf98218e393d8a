"""The mint: accounts, sessions, signing and the OAuth endpoints."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> "Flask":
    """Return the app that the environment configures, for `flask --app auth_service …`."""
    from auth_service.wsgi import app

    return app
