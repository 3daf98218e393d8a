"""What a WSGI server runs."""

from service_kit.settings import load

from orders_service.app import create_app
from orders_service.settings import Settings

app = create_app(load(Settings))
