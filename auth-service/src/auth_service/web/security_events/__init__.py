"""Routes for receivers of security events (Shared Signals Framework 1.0)."""
