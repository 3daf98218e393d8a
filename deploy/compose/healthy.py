"""The health check of a container: exit code 0 when /readyz of the given port answers 200."""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=2)
connection.request("GET", "/readyz")
sys.exit(connection.getresponse().status != http.client.OK)
