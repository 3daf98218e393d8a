"""Profiles: a resource server."""
