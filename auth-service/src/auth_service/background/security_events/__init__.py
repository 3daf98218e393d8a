"""Push delivery of security events."""
