"""Routes for OAuth 2 and OpenID Connect clients."""
