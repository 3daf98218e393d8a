"""The WSGI application."""

from service_kit.server.startup import start

from auth_service.app import create_app
from auth_service.settings import Settings
from auth_service.signing.pem import KeyFault

app = start(create_app, Settings, faults=(KeyFault,))
