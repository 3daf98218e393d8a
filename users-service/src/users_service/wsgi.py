"""The WSGI application."""

from service_kit.server.startup import start

from users_service.app import create_app
from users_service.settings import Settings

app = start(create_app, Settings)
