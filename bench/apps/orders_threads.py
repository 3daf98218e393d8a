"""orders-service with each read on a thread, and another number of those that run at once: what bench/endpoint.py compares the shipped one with."""

import os

from orders_service.wsgi import app as service
from service_kit.server.asgi import AsgiServer

service.config["READS_IN_LOOP"] = False
service.config["THREADS_AT_ONCE"] = int(os.environ["BENCH_THREADS_AT_ONCE"])
app = AsgiServer(service)
