"""orders-service with each read on a thread, BENCH_THREADS_AT_ONCE at once, for comparison in bench/services.py."""

import os

from orders_service.wsgi import app as service
from service_kit.server.asgi import AsgiServer

service.config["READS_IN_LOOP"] = False
service.config["THREADS_AT_ONCE"] = int(os.environ["BENCH_THREADS_AT_ONCE"])
app = AsgiServer(service)
