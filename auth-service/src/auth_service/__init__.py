"""The mint: accounts, sessions, RS256 signing, JWKS and the OAuth endpoints."""
