"""Calls to other services: an HTTP client with time limits, retry and circuit breaker, and OAuth tokens for it."""
