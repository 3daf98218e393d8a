"""The gateway under a WSGI server, such as `flask --app gateway.wsgi run`; in production `python -m gateway` serves it."""

from service_kit.settings import load

from gateway.app import create_door
from gateway.bridge import AsWsgi
from gateway.settings import Settings

door, app = create_door(load(Settings))
app.wsgi_app = AsWsgi(door)  # type: ignore[method-assign]
