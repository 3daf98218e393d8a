"""The one public entry to the services: routes, rate limits, the token check, and whole requests."""
