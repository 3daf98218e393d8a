"""Routes for accounts, sessions and mailed links."""
