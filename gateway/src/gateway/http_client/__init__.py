"""Connections to the services, and the calls made on them."""
