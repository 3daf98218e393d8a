"""The API of all services as one OpenAPI document, and as a page."""
