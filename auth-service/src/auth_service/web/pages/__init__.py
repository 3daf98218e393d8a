"""Pages for users at a browser."""
