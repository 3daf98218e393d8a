"""The ASGI application, which granian serves."""

from service_kit.server.asgi import AsgiServer

from auth_service.wsgi import app as wsgi

app = AsgiServer(wsgi)
