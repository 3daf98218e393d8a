"""The console: the page at `/`, and what it needs of the gateway."""
