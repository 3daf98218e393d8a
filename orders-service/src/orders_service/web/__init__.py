"""HTTP: parse the request, call a use case, respond."""
