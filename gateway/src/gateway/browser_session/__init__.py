"""Browser sessions: log-in with an authorization code, tokens in one encrypted cookie (backend for frontend)."""
