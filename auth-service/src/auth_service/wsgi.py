"""What a WSGI server runs."""

from service_kit.settings import load

from auth_service.app import create_app
from auth_service.settings import Settings

app = create_app(load(Settings))
