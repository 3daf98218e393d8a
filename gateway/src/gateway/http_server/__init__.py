"""The HTTP/1.1 server that clients connect to."""
