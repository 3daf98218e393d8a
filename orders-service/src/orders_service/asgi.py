"""What an ASGI server runs; granian, as `make run` and the image start it."""

from service_kit.server.asgi import AsgiServer

from orders_service.wsgi import app as wsgi

app = AsgiServer(wsgi)
