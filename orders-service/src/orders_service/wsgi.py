"""The WSGI application."""

from service_kit.server.startup import start

from orders_service.app import create_app
from orders_service.settings import Settings

app = start(create_app, Settings)
