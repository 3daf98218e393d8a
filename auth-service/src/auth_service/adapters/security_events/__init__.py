"""The push client and the metrics of security events."""
