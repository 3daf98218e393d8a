"""What a WSGI server runs."""

from service_kit.settings import load

from users_service.app import create_app
from users_service.settings import Settings

app = create_app(load(Settings))
