"""Requests and responses: validation, problems, pages, caching, and the OpenAPI document."""
