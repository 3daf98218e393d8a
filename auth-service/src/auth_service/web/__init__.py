"""Routes: each parses a request, calls a use case and answers."""
